import { type Compute, createCompute } from './compute/index.ts'
import { createData, type Data } from './data/index.ts'
import { createRoom, deriveRoom, type MemberProfile, type Room } from './mesh/index.ts'
import { createMessaging, type LoadedMessages, loadMessages, type Messaging } from './messaging/index.ts'
import type { NodeOptions, NodePorts } from './node-shape.ts'

/** Attempts that run at once unless the options say otherwise. */
export const DEFAULT_SLOTS = 1

/** The layers of one node, wired. They end together. */
export interface Layers {
  readonly room: Room
  readonly messaging: Messaging
  readonly data: Data
  readonly compute: Compute
}

/** Joins the room with every layer listening before the first peer is heard. Closes the ports when that fails. */
export async function openLayers(options: NodeOptions): Promise<Layers> {
  const { ports, identity, deviceId, signal } = options
  const { transport, store, crypto, clock, random } = ports
  let opened: Layers | undefined
  try {
    const keys = await deriveRoom(crypto, options.roomSecret)
    const loaded = await loadMessages(store, transport.peerId, random)
    await createRoom({
      transport,
      crypto,
      identity,
      clock,
      random,
      room: keys,
      profile: profileOf(options),
      deviceId,
      prepare: (room) => {
        opened = layersOf(options, room, loaded)
      },
      ...(signal ? { signal } : {}),
    })
    if (!opened) throw new TypeError('the room was not prepared')
    await opened.data.ready
    return opened
  } catch (error) {
    if (opened) await closeLayers(opened)
    await closePorts(ports)
    throw error
  }
}

/** Says goodbye before its first wait: a page that is going away has no time for more. */
export async function closeLayers({ room, messaging, data, compute }: Layers): Promise<void> {
  const left = room.leave()
  compute.close()
  data.close()
  messaging.close()
  await left
}

export async function closePorts({ transport, store, sandboxes }: NodePorts): Promise<void> {
  sandboxes.close()
  await transport.close()
  await store.close()
}

function layersOf(options: NodeOptions, room: Room, loaded: LoadedMessages): Layers {
  const { store, crypto, clock, random, sandboxes } = options.ports
  const { slots = DEFAULT_SLOTS, takesWork = true, holdsData = true, destinations } = options
  const messaging = createMessaging({
    room,
    store,
    clock,
    random,
    crypto,
    loaded,
    ...(destinations ? { destinations } : {}),
  })
  const data = createData({ room, store, crypto, clock, random, holdsData })
  const compute = createCompute({
    room,
    shards: data.shards,
    sandboxes,
    clock,
    random,
    store,
    slots,
    takesWork,
  })
  return { room, messaging, data, compute }
}

function profileOf({
  name,
  slots = DEFAULT_SLOTS,
  holdsData = true,
  takesWork = true,
}: NodeOptions): MemberProfile {
  return { name, capacity: holdsData ? 1 : 0, slots: takesWork ? slots : 0, isHidden: false }
}
