import { afterEach, expect, test, vi } from 'vitest'
import type { MeshNode } from '../../../web/node.ts'
import { createNotifications } from '../../../web/ui/chat/notifications.ts'

afterEach(() => vi.unstubAllGlobals())

function room() {
  const entries: unknown[] = []
  let tell = () => {}
  const history = {
    topics: () => ['chat.general'],
    entries: () => entries,
    subscribe: (told: () => void) => {
      tell = told
      return () => {}
    },
  }
  const node = { history, name: 'Alice' } as unknown as MeshNode
  const hear = (id: string) => {
    entries.push({ id, state: 'received', body: 'hello', from: 'bob', headers: { name: 'Bob' }, sentAt: 1 })
    tell()
  }
  return { node, hear }
}

test('UI20: where a page may show no notifications of its own, its worker does, and the message comes all the same (Rocket.Chat 16479, pokemon-showdown-client 374)', async () => {
  const shown: string[] = []
  const Illegal = Object.assign(
    function Illegal() {
      throw new TypeError("Failed to construct 'Notification': Illegal constructor.")
    },
    { permission: 'granted' },
  )
  vi.stubGlobal('Notification', Illegal)
  vi.stubGlobal('document', { visibilityState: 'hidden' })
  const worker = { showNotification: async (title: string) => void shown.push(title) }
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => worker } })
  const { node, hear } = room()
  const notifications = createNotifications(node, () => {})
  await notifications.choose('all')
  expect(() => hear('1')).not.toThrow()
  await vi.waitFor(() => expect(shown).toHaveLength(1))
})

test('UI20: a browser without notifications says that it shows none (thelounge 2191, team113/messenger 801)', async () => {
  vi.stubGlobal('Notification', undefined)
  const notifications = createNotifications(room().node, () => {})
  await notifications.choose('all')
  expect(notifications.choice.get()).toBe('denied')
})
