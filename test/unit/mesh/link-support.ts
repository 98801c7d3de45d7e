import {
  createSeededRandom,
  type DeviceId,
  type PeerId,
  type RoomId,
  type SessionId,
} from '../../../web/base/index.ts'
import type { ProvenPeer } from '../../../web/mesh/handshake/index.ts'
import type { Link } from '../../../web/mesh/link/index.ts'
import { createLink } from '../../../web/mesh/link/link-create.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../../../web/mesh/transport/memory.ts'
import type { MemoryPath } from '../../../web/mesh/transport/memory-connection.ts'
import type { Connection } from '../../../web/mesh/transport/transport.ts'
import { drainPromises, GatedClock, VirtualClock } from '../../support/sim/clock.ts'

export const ALICE = 'a'.repeat(32) as PeerId
export const BOB = 'b'.repeat(32) as PeerId
const ROOM = 'r'.repeat(32) as RoomId

export interface Pair {
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly connections: { readonly alice: Connection; readonly bob: Connection }
  /** Lets `ms` of virtual time pass. */
  run(ms: number): Promise<void>
}

export interface LinkPair extends Pair {
  readonly alice: Link
  readonly bob: Link
  /** Stops a side's timers and what calls into it, as a blocked tab. */
  pause(who: PeerId): void
  resume(who: PeerId): void
}

export async function openPair(
  path: Partial<MemoryPath> = {},
  clock: VirtualClock = new VirtualClock(),
): Promise<Pair> {
  const network = createMemoryNetwork({ clock, random: createSeededRandom(1), path })
  const run = async (ms: number) => {
    const end = clock.now() + ms
    await drainPromises()
    while (await clock.step(end)) await drainPromises()
  }
  const transports = [network.transport(ALICE, ROOM), network.transport(BOB, ROOM)] as const
  let bob: Connection | undefined
  const ignore = () => undefined
  const started = [
    transports[0].start({ onConnection: ignore, onSignaling: ignore }),
    transports[1].start({
      onConnection: (connection) => {
        bob = connection
      },
      onSignaling: ignore,
    }),
  ]
  await run(1_000)
  await Promise.all(started)
  const dialled = transports[0].dial(BOB, new AbortController().signal)
  await run(1_000)
  const alice = await dialled
  if (!bob) throw new Error('nobody answered the dial')
  return { clock, network, connections: { alice, bob }, run }
}

export async function openLinks(path: Partial<MemoryPath> = {}): Promise<LinkPair> {
  const pair = await openPair(path)
  const clocks = new Map([ALICE, BOB].map((id) => [id, new GatedClock(pair.clock)]))
  const clockOf = (id: PeerId) => clocks.get(id) as GatedClock
  const alice = createLink(pair.connections.alice, proven(BOB), { clock: clockOf(ALICE) })
  const bob = createLink(pair.connections.bob, proven(ALICE), { clock: clockOf(BOB) })
  return {
    ...pair,
    alice,
    bob,
    pause: (who) => {
      pair.network.pause(who)
      clockOf(who).pause()
    },
    resume: (who) => {
      pair.network.resume(who)
      clockOf(who).resume()
    },
  }
}

export function proven(peerId: PeerId): ProvenPeer {
  return { peerId, sessionId: 'session0' as SessionId, deviceId: 'device00' as DeviceId }
}

/** Bytes that differ from place to place and from seed to seed. */
export function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * seed + seed) & 0xff
  return bytes
}

/** Collects what arrives. */
export function record(link: Link): Uint8Array[] {
  const frames: Uint8Array[] = []
  link.onFrame = (frame) => {
    frames.push(frame)
  }
  return frames
}

/** The end, if it has come. */
export function endOf(link: Link): { how?: string } {
  const end: { how?: string } = {}
  void link.closed.then((how) => {
    end.how = how
  })
  return end
}

/** Equal to the byte; the usual matcher takes seconds for megabytes. */
export function isSame(got: Uint8Array | undefined, expected: Uint8Array | undefined): boolean {
  return got !== undefined && expected !== undefined && Buffer.compare(got, expected) === 0
}
