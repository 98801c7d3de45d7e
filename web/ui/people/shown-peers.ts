import type { PeerId } from '../../base/index.ts'
import type { NodePeer } from '../../node.ts'

/** Who was linked and is not any more is shown for so long: a link that breaks for a moment does not make the list jump. */
const KEEP_MS = 10_000

/** Of these peers, at this time, those to show. Who was never linked is shown, with the reason. */
export type ShownPeers = (peers: readonly NodePeer[], now: number) => readonly NodePeer[]

export function createShownPeers(): ShownPeers {
  const linkedAt = new Map<PeerId, number>()
  return (peers, now) => {
    for (const { peerId } of peers.filter(isLinked)) linkedAt.set(peerId, now)
    return peers.filter(({ peerId }) => now - (linkedAt.get(peerId) ?? now) < KEEP_MS)
  }
}

function isLinked({ state }: NodePeer): boolean {
  return state === 'direct' || state === 'forwarded'
}
