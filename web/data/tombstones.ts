import { type DatasetId, isPeerId, type PeerId } from '../base/index.ts'
import { MAX_TOMBSTONES, MAX_TOMBSTONES_PER_MEMBER } from './limits.ts'

/** As it is on the disk. */
export interface Tombstone {
  readonly dropped: true
  /** The member that told of the drop. */
  readonly by: PeerId | undefined
  /** Grows from one to the next. */
  readonly at: number
}

/** Ids of dropped datasets, bounded for each member that told of them and in all: the oldest are forgotten first. */
export class Tombstones {
  /** Oldest first. */
  readonly #all = new Map<DatasetId, Tombstone>()
  readonly #counts = new Map<PeerId | undefined, number>()
  #next = 0

  get size(): number {
    return this.#all.size
  }

  has(datasetId: DatasetId): boolean {
    return this.#all.has(datasetId)
  }

  get(datasetId: DatasetId): Tombstone | undefined {
    return this.#all.get(datasetId)
  }

  ids(): Iterable<DatasetId> {
    return this.#all.keys()
  }

  /** Whether one more of this member makes none forgotten. */
  hasRoomFor(by: PeerId): boolean {
    return this.#all.size < MAX_TOMBSTONES && this.#countOf(by) < MAX_TOMBSTONES_PER_MEMBER
  }

  /** The ids that are forgotten for it. */
  add(datasetId: DatasetId, by: PeerId | undefined): readonly DatasetId[] {
    return this.#put(datasetId, { dropped: true, by, at: this.#next })
  }

  /** What was on the disk, in any order. The ids that are forgotten, because there are too many. */
  load(rows: readonly (readonly [DatasetId, Tombstone])[]): readonly DatasetId[] {
    return [...rows].sort(([, a], [, b]) => a.at - b.at).flatMap(([id, row]) => this.#put(id, row))
  }

  #put(datasetId: DatasetId, tombstone: Tombstone): DatasetId[] {
    const { by, at } = tombstone
    this.#next = at + 1
    this.#all.set(datasetId, tombstone)
    this.#counts.set(by, this.#countOf(by) + 1)
    if (this.#countOf(by) > MAX_TOMBSTONES_PER_MEMBER) return this.#forgetOldest((row) => row.by === by)
    return this.#all.size > MAX_TOMBSTONES ? this.#forgetOldest(() => true) : []
  }

  #forgetOldest(isFit: (tombstone: Tombstone) => boolean): DatasetId[] {
    for (const [id, tombstone] of this.#all) {
      if (!isFit(tombstone)) continue
      this.#all.delete(id)
      this.#counts.set(tombstone.by, this.#countOf(tombstone.by) - 1)
      if (this.#countOf(tombstone.by) === 0) this.#counts.delete(tombstone.by)
      return [id]
    }
    return []
  }

  #countOf(by: PeerId | undefined): number {
    return this.#counts.get(by) ?? 0
  }
}

/** Undefined for what is no tombstone. */
export function readTombstone(value: unknown): Tombstone | undefined {
  const { dropped, by, at }: { dropped?: unknown; by?: unknown; at?: unknown } = Object(value)
  if (dropped !== true) return undefined
  return { dropped, by: isPeerId(by) ? by : undefined, at: Number.isSafeInteger(at) ? Number(at) : 0 }
}
