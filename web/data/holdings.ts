import { type Clock, type DatasetId, Listeners, type PeerId, type ShardId } from '../base/index.ts'
import type { Catalog } from './catalog.ts'
import { Doubts } from './doubts.ts'
import type { HoldingsBody } from './messages.ts'

/** Bitmaps of datasets whose manifest has not arrived, for each peer. */
const MAX_UNKNOWN_SETS = 256

interface Told {
  stays: boolean
  readonly sets: Map<DatasetId, Uint8Array>
}

/** Who holds what, by what each peer said of itself and then gave. A peer that said nothing holds nothing. */
export class Holdings {
  readonly #catalog: Catalog
  readonly #told = new Map<PeerId, Told>()
  readonly #changed = new Listeners<[]>()
  /** What failed of asking; of this node, of keeping what was given. */
  readonly doubts: Doubts

  constructor(catalog: Catalog, clock: Clock) {
    this.#catalog = catalog
    this.doubts = new Doubts(clock)
  }

  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  learn(from: PeerId, { isFull, stays, sets }: HoldingsBody): void {
    const told = (isFull ? undefined : this.#told.get(from)) ?? { stays, sets: new Map() }
    told.stays = stays
    let unknown = [...told.sets.keys()].filter((id) => !this.#catalog.get(id)).length
    for (const [datasetId, bits] of sets) {
      const isNew = !this.#catalog.get(datasetId) && !told.sets.has(datasetId)
      if ((isNew && unknown >= MAX_UNKNOWN_SETS) || !this.#isAcceptable(datasetId, bits)) continue
      if (isNew) unknown++
      // A copy, since the bytes of a message keep the whole frame that it came in.
      told.sets.set(datasetId, bits.slice())
    }
    this.#told.set(from, told)
    this.doubts.withdraw(from, (shardId) => this.claims(from, shardId))
    this.#changed.emit()
  }

  /** It was asked for a shard that it claims, and gave none. */
  failed(peerId: PeerId, shardId: ShardId): void {
    if (this.doubts.failed(peerId, shardId)) this.#changed.emit()
  }

  gave(peerId: PeerId, shardId: ShardId): void {
    if (this.doubts.gave(peerId, shardId)) this.#changed.emit()
  }

  /** It joined anew, whatever it failed to give before. */
  trust(peerId: PeerId): void {
    this.doubts.forget(peerId)
  }

  forget(peerId: PeerId): void {
    this.doubts.forget(peerId)
    if (this.#told.delete(peerId)) this.#changed.emit()
  }

  forgetDataset(datasetId: DatasetId): void {
    for (const { sets } of this.#told.values()) sets.delete(datasetId)
  }

  /** Of a known dataset the bitmap must have its length; of unknown ones a few wait for their manifest. */
  #isAcceptable(datasetId: DatasetId, bits: Uint8Array): boolean {
    const manifest = this.#catalog.get(datasetId)
    if (manifest) return bits.byteLength === Math.ceil(manifest.shards.length / 8)
    return !this.#catalog.isDropped(datasetId)
  }

  /** Its disk is full, and it keeps what it has. */
  stays(peerId: PeerId): boolean {
    return this.#told.get(peerId)?.stays ?? false
  }

  /** What it says, and has not failed to give time and again. */
  holds(peerId: PeerId, shardId: ShardId): boolean {
    return this.claims(peerId, shardId) && this.doubts.isBelieved(peerId, shardId)
  }

  /** What it says. */
  claims(peerId: PeerId, shardId: ShardId): boolean {
    const sets = this.#told.get(peerId)?.sets
    if (!sets) return false
    return this.#catalog.placesOf(shardId).some(({ datasetId, index }) => hasBit(sets.get(datasetId), index))
  }

  /** Those who said something. */
  peers(): PeerId[] {
    return [...this.#told.keys()]
  }
}

export function hasBit(bits: Uint8Array | undefined, index: number): boolean {
  return (((bits?.[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
}

/** One bit for each shard of the manifest, the first in the lowest bit of the first byte. */
export function bitsOf(
  shardIds: readonly ShardId[],
  has: (shardId: ShardId) => boolean,
): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.ceil(shardIds.length / 8))
  shardIds.forEach((shardId, index) => {
    if (has(shardId)) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
  })
  return bits
}
