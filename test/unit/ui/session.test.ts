import { afterEach, expect, test, vi } from 'vitest'
import type { MeshNode } from '../../../web/node.ts'
import { createSession } from '../../../web/ui/session.ts'

afterEach(() => vi.unstubAllGlobals())

test('UI16: a room whose address the browser refuses to write is open all the same', async () => {
  const refuse = vi.fn(() => {
    throw new DOMException('too many changes of the address', 'SecurityError')
  })
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('location', { hash: '#new' })
  vi.stubGlobal('history', { state: null, replaceState: refuse })
  const node = { roomId: 'a', closed: new Promise(() => {}), close: async () => {} } as unknown as MeshNode
  const told: unknown[] = []
  const session = createSession({
    joinRoom: async () => node,
    openProfile: () => new Promise(() => {}),
    onNode: (shown) => void told.push(shown),
  })
  session.follow()
  await vi.waitFor(() => expect(session.place.get()).toEqual({ kind: 'room', node }))
  expect(refuse).toHaveBeenCalledTimes(1)
  expect(told).toEqual([node])
})
