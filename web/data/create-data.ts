import {
  type Clock,
  type Crypto,
  type DatasetId,
  Listeners,
  type PeerId,
  type Random,
} from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Store } from '../storage/index.ts'
import { Catalog } from './catalog.ts'
import { type DataContext, liveHolders } from './context.ts'
import type { Datasets, ShardSource } from './dataset.ts'
import { DataError } from './errors.ts'
import { Gossip } from './gossip.ts'
import { bitsOf, Holdings } from './holdings.ts'
import { RoomIntake } from './intake.ts'
import { LocalShards } from './local-shards.ts'
import { MeshDatasets } from './mesh-datasets.ts'
import { ANNOUNCE, DROP, isDatasetId, readManifest } from './messages.ts'
import { Provisional } from './provisional.ts'
import { Replication } from './replication.ts'
import { Roster } from './roster.ts'
import { ShardReader } from './shard-reader.ts'

const DROP_TIMEOUT_MS = 10_000

export interface DataOptions {
  /** Handlers are registered before this returns. */
  readonly room: Room
  /** Opened with DATA_TABLES among its tables. */
  readonly store: Store
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  /** False: this node stores no shards for the room. */
  readonly holdsData: boolean
}

/** The data layer of one node. */
export interface Data {
  readonly datasets: Datasets
  readonly shards: ShardSource
  /** Resolves when the store has been read; rejects with a StoreError when it cannot be. Calls wait for it. */
  readonly ready: Promise<void>
  /** Shards of known datasets that the peer holds. */
  shardsHeld(peerId: PeerId): number
  /** Of known datasets, here. */
  bytesHeld(): number
  setHoldsData(holdsData: boolean): void
  /** Anything that the datasets, their shards or the sums above show has changed. */
  subscribe(listener: () => void): () => void
  /** Stops everything; what is under way rejects with a DataError `closed`. Idempotent. Leaves the store open. */
  close(): void
}

export function createData(options: DataOptions): Data {
  return new DataLayer(options)
}

class DataLayer implements Data {
  readonly datasets: Datasets
  readonly shards: ShardSource
  readonly ready: Promise<void>
  readonly #context: DataContext
  readonly #intake: RoomIntake
  readonly #controller = new AbortController()
  readonly #provisional: Provisional
  readonly #gossip: Gossip
  readonly #changed = new Listeners<[]>()
  readonly #closers: (() => void)[]
  #version = 0
  #counts = { version: -1, shards: new Map<PeerId, number>(), bytes: 0 }

  constructor({ room, store, crypto, clock, random, holdsData }: DataOptions) {
    const catalog = new Catalog(store)
    const local = new LocalShards(store, crypto)
    this.ready = load(catalog, local)
    this.#intake = new RoomIntake(room, holdsData)
    this.#context = {
      room,
      clock,
      crypto,
      random,
      catalog,
      local,
      holdings: new Holdings(catalog, clock),
      roster: new Roster(room, clock),
      intake: this.#intake,
      usage: () => store.usage(),
      ready: this.ready.catch(() => NEVER),
      signal: this.#controller.signal,
    }
    const context = this.#context
    const reader = new ShardReader(context)
    this.#provisional = new Provisional(context)
    this.#gossip = new Gossip(context, (id, by) => this.#forget(id, by))
    const replication = new Replication(context, reader)
    this.datasets = new MeshDatasets({
      context,
      reader,
      provisional: this.#provisional,
      version: () => this.#version,
      drop: (id) => this.#drop(id),
      takeBack: async (id) => {
        await this.#dropHere(id)
        void this.#tellDropped(id)
      },
    })
    this.shards = this.#source(reader)
    this.#closers = [
      ...this.#listen(),
      room.serve(ANNOUNCE, (body, { from }) => this.#onAnnounce(body, from)),
      room.serve(DROP, (body, { from }) => this.#onDrop(body, from)),
      ...[reader, this.#provisional, this.#gossip, replication, context.roster].map(
        (part) => () => part.close(),
      ),
    ]
    void context.ready.then(() => this.#touch())
  }

  shardsHeld(peerId: PeerId): number {
    return this.#count().shards.get(peerId) ?? 0
  }

  bytesHeld(): number {
    return this.#count().bytes
  }

  setHoldsData(holdsData: boolean): void {
    this.#intake.want(holdsData)
    this.#gossip.tellAll()
  }

  subscribe(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  close(): void {
    if (this.#controller.signal.aborted) return
    this.#controller.abort(new DataError('closed', 'the node has been closed'))
    for (const close of this.#closers) close()
  }

  #listen(): (() => void)[] {
    const { catalog, local, holdings, roster, room } = this.#context
    const touch = () => this.#touch()
    return [
      catalog.onChange(touch),
      local.onChange(touch),
      holdings.onChange(touch),
      roster.onChange(touch),
      room.onMembership(touch),
    ]
  }

  #touch(): void {
    this.#version++
    this.#changed.emit()
  }

  #source(reader: ShardReader): ShardSource {
    const context = this.#context
    return {
      manifest: (dataset) =>
        typeof dataset === 'string' ? context.catalog.byName().get(dataset) : context.catalog.get(dataset.id),
      holders: (shardId) => liveHolders(context, shardId),
      holdsLocally: (shardId) => context.local.has(shardId),
      read: (shardId, signal) => reader.read(shardId, signal),
      onChange: (listener) => this.subscribe(listener),
    }
  }

  async #onAnnounce(body: unknown, from: PeerId): Promise<Uint8Array> {
    const { catalog, local, ready } = this.#context
    await ready
    const manifest = readManifest(body)
    if (manifest?.addedBy !== from)
      throw new DataError('bad-message', 'an announcement is a manifest of the sender')
    if (!(await catalog.add(manifest)))
      throw new DataError('refused', 'this peer has dropped the dataset or knows too many')
    this.#gossip.flush()
    if (!catalog.isKept(manifest.id))
      throw new DataError(
        'refused',
        'the disk of this peer did not take the dataset, which is listed until its tab ends',
      )
    const ids = manifest.shards.map(({ id }) => id)
    return bitsOf(ids, (shardId) => local.has(shardId))
  }

  async #onDrop(body: unknown, from: PeerId): Promise<boolean> {
    await this.#context.ready
    if (!isDatasetId(body)) throw new DataError('bad-message', 'a dataset id is a token')
    await this.#forget(body, from)
    return true
  }

  async #drop(datasetId: DatasetId): Promise<void> {
    await this.#dropHere(datasetId)
    await this.#tellDropped(datasetId)
  }

  async #dropHere(datasetId: DatasetId): Promise<void> {
    const { room, ready } = this.#context
    await ready
    await this.#forget(datasetId, room.self.peerId)
  }

  async #tellDropped(datasetId: DatasetId): Promise<void> {
    const { room, signal } = this.#context
    const others = room.members().filter(({ isSelf }) => !isSelf)
    const told = others.map(({ peerId }) =>
      room.request(peerId, DROP, datasetId, { timeoutMs: DROP_TIMEOUT_MS, signal }),
    )
    // Who does not hear of it now learns it from the next digest.
    await Promise.allSettled(told)
  }

  /** Here: the tombstone first, so that a stop in between leaves orphans and not a dataset without shards. */
  async #forget(datasetId: DatasetId, by: PeerId): Promise<void> {
    const { catalog, holdings } = this.#context
    const manifest = await catalog.drop(datasetId, by)
    holdings.forgetDataset(datasetId)
    if (!manifest) return
    for (const { id } of manifest.shards) holdings.doubts.forgetShard(id)
    await this.#provisional.removeUnused(manifest.shards.map(({ id }) => id))
    await catalog.saveRest()
    if (this.#intake.isFull) this.#intake.reopen()
  }

  #count() {
    if (this.#counts.version === this.#version) return this.#counts
    const { catalog, holdings, local, room } = this.#context
    const counts = { version: this.#version, shards: new Map<PeerId, number>(), bytes: 0 }
    const others = holdings.peers()
    const add = (peerId: PeerId) => counts.shards.set(peerId, (counts.shards.get(peerId) ?? 0) + 1)
    for (const shardId of catalog.shards()) {
      for (const peerId of others) if (holdings.holds(peerId, shardId)) add(peerId)
      if (!local.has(shardId)) continue
      add(room.self.peerId)
      counts.bytes += catalog.shardBytes(shardId) ?? 0
    }
    this.#counts = counts
    return counts
  }
}

/** What waits for a store that could not be read waits until the node is closed. */
const NEVER = new Promise<void>(() => {})

async function load(catalog: Catalog, local: LocalShards): Promise<void> {
  await Promise.all([catalog.load(), local.load()])
}
