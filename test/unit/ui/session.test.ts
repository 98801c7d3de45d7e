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

test('UI16: the invite of the room that is open, followed, leaves its secret out of the address', async () => {
  const location = { hash: '#new', href: 'https://mesh.example/#new' }
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('location', location)
  vi.stubGlobal('history', {
    state: null,
    replaceState: (_: unknown, __: string, hash: string) => void Object.assign(location, { hash }),
  })
  const node = {
    roomId: 'a',
    invite: 'https://mesh.example/#code',
    closed: new Promise(() => {}),
  } as unknown as MeshNode
  const joinRoom = vi.fn(async () => node)
  const session = createSession({ joinRoom, openProfile: () => new Promise(() => {}), onNode: () => {} })
  session.follow()
  await vi.waitFor(() => expect(session.place.get()).toEqual({ kind: 'room', node }))
  Object.assign(location, { hash: '#code', href: 'https://mesh.example/#code' })
  session.follow()
  expect(location.hash).toBe('#a')
  expect(session.place.get()).toEqual({ kind: 'room', node })
  expect(joinRoom).toHaveBeenCalledTimes(1)
})
