import type { PeerId } from '../../base/index.ts'

/** Bytes of packets, heads included. */
export interface Bytes {
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Peers whose ended links are remembered, the least recent forgotten first. */
const MAX_PEERS = 256
export const NO_BYTES: Bytes = { bytesIn: 0, bytesOut: 0 }

/** What went over links that have ended, so that the count of a peer never falls when its link is replaced. */
export class Traffic {
  readonly #ended = new Map<PeerId, Bytes>()

  ended(peerId: PeerId): Bytes {
    return this.#ended.get(peerId) ?? NO_BYTES
  }

  /** A link to this peer has ended after so many bytes. */
  onEnded(peerId: PeerId, bytes: Bytes): void {
    const sum = addBytes(this.ended(peerId), bytes)
    this.#ended.delete(peerId)
    this.#ended.set(peerId, sum)
    if (this.#ended.size > MAX_PEERS) this.#ended.delete(this.#ended.keys().next().value as PeerId)
  }
}

export function addBytes(one: Bytes, other: Bytes): Bytes {
  return { bytesIn: one.bytesIn + other.bytesIn, bytesOut: one.bytesOut + other.bytesOut }
}
