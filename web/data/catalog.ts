import { type DatasetId, Listeners, type PeerId, type ShardId, Turns } from '../base/index.ts'
import { type Store, StoreError, type StoreWrite } from '../storage/index.ts'
import type { DatasetManifest } from './dataset.ts'
import { MAX_CATALOG_SHARDS, MAX_DATASETS } from './limits.ts'
import { isDatasetId, readManifest } from './messages.ts'
import { MANIFESTS } from './tables.ts'
import { readTombstone, type Tombstone, Tombstones } from './tombstones.ts'

/** Where a shard is in the datasets that are not dropped. */
export interface ShardPlace {
  readonly datasetId: DatasetId
  readonly index: number
}

interface ShardEntry {
  readonly bytes: number
  readonly places: ShardPlace[]
}

/** The datasets that this node knows, and the ids of dropped ones. A merge is a union. */
export class Catalog {
  readonly #store: Store
  readonly #manifests = new Map<DatasetId, DatasetManifest>()
  readonly #tombstones = new Tombstones()
  readonly #shards = new Map<ShardId, ShardEntry>()
  readonly #changed = new Listeners<[DatasetId]>()
  #names: Map<string, DatasetManifest> | undefined
  /** With those that a dataset has twice. */
  #shardCount = 0
  /** Whose row on the disk is not what is known here: the disk refused it, or its handle was lost. */
  readonly #unsaved = new Set<DatasetId>()
  /** One write at a time, so that none that is repeated overtakes a later one. */
  readonly #turns = new Turns<'disk'>()

  constructor(store: Store) {
    this.#store = store
  }

  async load(): Promise<void> {
    const dropped: [DatasetId, Tombstone][] = []
    for (const [key, value] of await this.#store.entries(MANIFESTS)) {
      const manifest = readManifest(value)
      const tombstone = readTombstone(value)
      if (manifest) this.#insert(manifest)
      else if (isDatasetId(key) && tombstone) dropped.push([key, tombstone])
    }
    for (const id of this.#tombstones.load(dropped)) void this.#save(id)
  }

  onChange(listener: (datasetId: DatasetId) => void): () => void {
    return this.#changed.add(listener)
  }

  get(datasetId: DatasetId): DatasetManifest | undefined {
    return this.#manifests.get(datasetId)
  }

  /** Dropped ones included. */
  get size(): number {
    return this.#manifests.size + this.#tombstones.size
  }

  isDropped(datasetId: DatasetId): boolean {
    return this.#tombstones.has(datasetId)
  }

  /** By the name that every peer with the same datasets shows for it, in order of their adding. */
  byName(): ReadonlyMap<string, DatasetManifest> {
    this.#names ??= nameAll([...this.#manifests.values()])
    return this.#names
  }

  /** Every shard of a dataset that is not dropped. */
  shards(): Iterable<ShardId> {
    return this.#shards.keys()
  }

  shardBytes(shardId: ShardId): number | undefined {
    return this.#shards.get(shardId)?.bytes
  }

  placesOf(shardId: ShardId): readonly ShardPlace[] {
    return this.#shards.get(shardId)?.places ?? []
  }

  /** It is on the disk, and so here after a reload. */
  isKept(datasetId: DatasetId): boolean {
    return this.#manifests.has(datasetId) && !this.#unsaved.has(datasetId)
  }

  /** What the others may count on: not the datasets that this node only remembers. */
  digest(): [DatasetId, boolean][] {
    const kept = [...this.#manifests.keys()].filter((id) => this.isKept(id))
    const dropped = [...this.#tombstones.ids()]
    return [
      ...kept.map((id): [DatasetId, boolean] => [id, false]),
      ...dropped.map((id): [DatasetId, boolean] => [id, true]),
    ]
  }

  /**
   * A dataset of this node's own: known once it is on the disk, and not before. False when there are too many; rejects
   * with a StoreError, and nothing of it is then known or left.
   */
  async create(manifest: DatasetManifest): Promise<boolean> {
    if (!this.#hasRoomFor(manifest)) return false
    try {
      await this.#turns.run('disk', () => this.#write(manifest.id, manifest))
    } catch (error) {
      // Nobody knows it, so this removes what a lost handle may have written.
      await this.#save(manifest.id)
      throw error
    }
    this.#insert(manifest)
    this.#changed.emit(manifest.id)
    return true
  }

  /**
   * A dataset of another's. False when it is dropped or there are too many; what is known already stays as it is. A
   * failing disk does not keep it out: it is then known until the tab ends, and written when the disk takes it.
   */
  async add(manifest: DatasetManifest): Promise<boolean> {
    if (this.isDropped(manifest.id)) return false
    if (this.#manifests.has(manifest.id)) {
      // It may still be on its way to the disk.
      await this.#turns.run('disk', async () => {})
      return true
    }
    if (!this.#hasRoomFor(manifest)) return false
    this.#insert(manifest)
    this.#changed.emit(manifest.id)
    await this.#save(manifest.id)
    return true
  }

  /** The manifest that was dropped, if it was known. `by` told of it. */
  async drop(datasetId: DatasetId, by: PeerId): Promise<DatasetManifest | undefined> {
    const manifest = this.#manifests.get(datasetId)
    if (this.isDropped(datasetId)) return undefined
    // What was never known here makes nothing forgotten, or two peers would tell each other of the same drops for ever.
    if (!manifest && !this.#tombstones.hasRoomFor(by)) return undefined
    const forgotten = this.#tombstones.add(datasetId, by)
    if (manifest) this.#delete(manifest)
    this.#changed.emit(datasetId)
    await Promise.all([datasetId, ...forgotten].map((id) => this.#save(id)))
    return manifest
  }

  /** Writes what the disk refused: shards may have gone, or its handle may be back. */
  async saveRest(): Promise<void> {
    await Promise.all([...this.#unsaved].map((id) => this.#save(id)))
  }

  #hasRoomFor({ shards }: DatasetManifest): boolean {
    return this.#manifests.size < MAX_DATASETS && this.#shardCount + shards.length <= MAX_CATALOG_SHARDS
  }

  #insert(manifest: DatasetManifest): void {
    this.#manifests.set(manifest.id, manifest)
    this.#shardCount += manifest.shards.length
    this.#names = undefined
    manifest.shards.forEach(({ id, bytes }, index) => {
      const entry = this.#shards.get(id) ?? { bytes, places: [] }
      // One place a dataset is enough: whoever holds a shard holds it wherever the file repeats it.
      if (entry.places.at(-1)?.datasetId !== manifest.id) entry.places.push({ datasetId: manifest.id, index })
      this.#shards.set(id, entry)
    })
  }

  #delete(manifest: DatasetManifest): void {
    this.#manifests.delete(manifest.id)
    this.#shardCount -= manifest.shards.length
    this.#names = undefined
    for (const { id } of manifest.shards) {
      const entry = this.#shards.get(id)
      const places = entry?.places.filter(({ datasetId }) => datasetId !== manifest.id) ?? []
      if (entry && places.length > 0) this.#shards.set(id, { ...entry, places })
      else this.#shards.delete(id)
    }
  }

  /** Brings the disk up to what is known of the dataset by now; what it refuses is tried again later. */
  #save(datasetId: DatasetId): Promise<void> {
    return this.#turns.run('disk', async () => {
      try {
        await this.#write(datasetId, this.#manifests.get(datasetId) ?? this.#tombstones.get(datasetId))
        this.#unsaved.delete(datasetId)
      } catch {
        this.#unsaved.add(datasetId)
      }
    })
  }

  /** Undefined removes. */
  async #write(key: DatasetId, value: DatasetManifest | Tombstone | undefined): Promise<void> {
    const write: StoreWrite = value
      ? { table: MANIFESTS, key, value }
      : { table: MANIFESTS, key, remove: true }
    try {
      await this.#store.write([write], 'strict')
    } catch (error) {
      if (!(error instanceof StoreError) || !['lost', 'conflict'].includes(error.code)) throw error
      // The same again does no harm, whatever became of the first.
      await this.#store.write([write], 'strict')
    }
  }
}

/** Two that were added under one name while the room was split: the later one is "name (2)". */
function nameAll(manifests: readonly DatasetManifest[]): Map<string, DatasetManifest> {
  const sorted = [...manifests].sort((a, b) => a.addedAt - b.addedAt || (a.id < b.id ? -1 : 1))
  const names = new Map<string, DatasetManifest>()
  /** The number that each name tries next: thousands of one name do not try all from the first. */
  const next = new Map<string, number>()
  for (const manifest of sorted) {
    let name = manifest.name
    let n = next.get(name) ?? 2
    while (names.has(name)) name = `${manifest.name} (${n++})`
    next.set(manifest.name, n)
    names.set(name, manifest)
  }
  return names
}
