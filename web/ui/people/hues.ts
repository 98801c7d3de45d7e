import type { PeerId } from '../../base/index.ts'

/** Twelve hues, ordered so that the first few are far apart; a room has at most as many members. */
const HUES = [178, 35, 300, 95, 255, 10, 140, 330, 65, 220, 275, 115] as const

/** Gives each peer a hue that it keeps while the page lives; those who are gone give theirs up when all are taken. */
export function createHues(): (present: readonly PeerId[]) => ReadonlyMap<PeerId, number> {
  const kept = new Map<PeerId, number>()
  return (present) => {
    for (const peerId of present) {
      if (!kept.has(peerId)) kept.set(peerId, freeHue(kept, present))
    }
    return kept
  }
}

function freeHue(kept: Map<PeerId, number>, present: readonly PeerId[]): number {
  const taken = new Set(kept.values())
  const free = HUES.find((hue) => !taken.has(hue))
  if (free !== undefined) return free
  const gone = [...kept].find(([peerId]) => !present.includes(peerId))
  if (gone === undefined) return HUES[0]
  kept.delete(gone[0])
  return gone[1]
}
