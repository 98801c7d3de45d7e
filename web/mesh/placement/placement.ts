import type { DeviceId, PeerId } from '../../base/index.ts'
import { exactLog } from './exact-log.ts'

/** What placement looks at; every {@link Member} is one. */
export interface PlacementMember {
  readonly peerId: PeerId
  readonly deviceId: DeviceId
  /** Relative share; 0 holds nothing. */
  readonly capacity: number
}

/**
 * Who holds a shard, the owner first: weighted rendezvous hashing (score -w / ln h; Thaler and Ravishankar 1998, the
 * weighted form by Resch). The same on every peer and engine for the same members in any order. Members of other devices
 * come before a second one of a device; as many as there are when fewer than `replicas`.
 */
export function place(shardId: string, members: readonly PlacementMember[], replicas: number): PeerId[] {
  const ranked = members
    .filter(({ capacity }) => capacity > 0)
    .map((member) => ({ member, score: -member.capacity / exactLog(uniform(shardId, member.peerId)) }))
    .sort((a, b) => b.score - a.score || (a.member.peerId < b.member.peerId ? -1 : 1))
    .map(({ member }) => member)
  const devices = new Set<DeviceId>()
  const firsts: PeerId[] = []
  const seconds: PeerId[] = []
  for (const { peerId, deviceId } of ranked) {
    if (devices.has(deviceId)) seconds.push(peerId)
    else firsts.push(peerId)
    devices.add(deviceId)
  }
  return [...firsts, ...seconds].slice(0, replicas)
}

/** In (0, 1), never an end of it: 52 bits of hash and a half. Exact in a double. */
function uniform(shardId: string, peerId: string): number {
  const [high, low] = hash64(`${shardId}/${peerId}`)
  return ((high & 0xfffff) * 0x1_0000_0000 + low + 0.5) / 2 ** 52
}

/** cyrb53 by bryc (public domain), all 64 bits of its state: two multiply-xor lanes, crossed and finalised as MurmurHash3's. */
function hash64(text: string): [number, number] {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x9e3779b1)
    b = Math.imul(b ^ code, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  return [b >>> 0, a >>> 0]
}
