import type { Room } from '../../../web/mesh/index.ts'
import { createRoom, type RoomKeys } from '../../../web/mesh/index.ts'
import {
  createMessaging,
  loadMessages,
  MESSAGING_TABLES,
  type Message,
  type Messaging,
} from '../../../web/messaging/index.ts'
import { MemoryDisk, type Store } from '../../../web/storage/index.ts'
import type { SimTab } from './simulation.ts'

/** A tab with a room and its messages, which can die and come back with its disk. */
export interface MessagingTab {
  readonly tab: SimTab
  readonly disk: MemoryDisk
  readonly room: Room
  readonly messaging: Messaging
  /** Everything that a subscription to `#` got in this life. */
  readonly seen: Message[]
  /** Ends that subscription. */
  readonly endAll: () => void
}

/** A fault that is built in on purpose, to see that the checkers find it. */
export interface Sabotage {
  readonly store?: (store: Store, tab: SimTab) => Store
  readonly room?: (room: Room, tab: SimTab) => Room
}

export async function openMessagingTab(
  tab: SimTab,
  keys: RoomKeys,
  name = `tab ${tab.index}`,
  sabotage: Sabotage = {},
): Promise<MessagingTab> {
  const disk = tab.kept('disk', () => new MemoryDisk())
  const sound = await disk.open(MESSAGING_TABLES)
  const store = sabotage.store?.(sound, tab) ?? sound
  const { clock, crypto, random, identity, deviceId } = tab
  const loaded = await loadMessages(store, tab.peerId, random)
  let messaging: Messaging | undefined
  const seen: Message[] = []
  const all = new AbortController()
  const room = await createRoom({
    transport: tab.transport(keys.roomId),
    crypto,
    identity,
    clock,
    random,
    room: keys,
    deviceId,
    profile: { name, capacity: 1, slots: 1, isHidden: false },
    prepare: (prepared) => {
      messaging = createMessaging({
        room: sabotage.room?.(prepared, tab) ?? prepared,
        store,
        clock,
        random,
        crypto,
        loaded,
      })
      const { signal } = all
      const subscription = messaging.topic('#').subscribe({ bufferBytes: 64 * 1024 * 1024, signal })
      void collect(subscription, seen)
    },
  })
  if (!messaging) throw new Error('the room prepared nothing')
  return { tab, disk, room, messaging, seen, endAll: () => all.abort() }
}

async function collect(messages: AsyncIterable<Message>, into: Message[]): Promise<void> {
  try {
    for await (const message of messages) into.push(message)
  } catch {
    // The test has ended the subscription.
  }
}
