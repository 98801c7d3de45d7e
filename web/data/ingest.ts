import {
  abortable,
  type DatasetId,
  type PeerId,
  randomToken,
  type ShardId,
  sleep,
  TabmeshError,
} from '../base/index.ts'
import { StoreError } from '../storage/index.ts'
import type { Value } from '../wire/index.ts'
import { type DataContext, liveHolders } from './context.ts'
import { Copies } from './copies.ts'
import type { AddOptions, AddProgress, DatasetManifest, ShardInfo } from './dataset.ts'
import { DataError } from './errors.ts'
import { MAX_CATALOG_SHARDS, MAX_DATASETS, MAX_SHARDS } from './limits.ts'
import { ANNOUNCE, CANCEL, manifestValue, readBytes } from './messages.ts'
import { OpenedSource } from './opened-source.ts'
import type { Provisional } from './provisional.ts'
import type { ShardReader } from './shard-reader.ts'
import { readSource } from './source.ts'
import type { Window } from './window.ts'

const ANNOUNCE_TIMEOUT_MS = 10_000
/** A member that does not answer an announcement for this long gets the dataset by gossip. */
const ANNOUNCE_LIMIT_MS = 30_000
const ANNOUNCE_PAUSE_MS = 250
const WHOLE_LIMIT_MS = 30_000
const WHOLE_CHECK_MS = 100
const CANCEL_TIMEOUT_MS = 5_000

export interface IngestPorts {
  readonly context: DataContext
  readonly reader: ShardReader
  readonly provisional: Provisional
  /** Shards on their way, of all the node's ingests. */
  readonly window: Window
  /** Asked once more before the dataset is announced. Throws `name-taken`. */
  readonly checkName: (name: string) => void
  /** Drops a dataset that others may have heard of. Resolves when this node has; the others are not waited for. */
  readonly takeBack: (datasetId: DatasetId) => Promise<void>
}

type Source = Blob | ReadableStream<Uint8Array>

/** One file on its way into the room: read, cut, hashed, copied and announced, with all steps overlapping. */
export class Ingest {
  readonly #ports: IngestPorts
  readonly #name: string
  readonly #source: Source
  readonly #options: AddOptions
  readonly #opened: OpenedSource
  /** Of the ingest, and then of the dataset. */
  readonly #id: DatasetId
  readonly #controller = new AbortController()
  readonly #copies: Copies
  readonly #shards: ShardInfo[] = []
  readonly #underWay = new Set<Promise<void>>()
  #bytesRead = 0
  #isAnnounced = false

  constructor(ports: IngestPorts, name: string, source: Source, options: AddOptions, shardBytes: number) {
    this.#ports = ports
    this.#name = name
    this.#source = source
    this.#options = options
    this.#id = randomToken(ports.context.random) as DatasetId
    this.#opened = new OpenedSource({ ...options, name, shardBytes })
    this.#copies = new Copies({
      ...ports,
      ingest: this.#id,
      replicas: options.replicas ?? 'default',
      signal: this.#controller.signal,
    })
  }

  /**
   * Resolves to the announced manifest; on any failure what was stored is removed, here and on the others: by a drop when
   * they may have heard of the dataset.
   */
  async run(): Promise<DatasetManifest> {
    const abort = (reason: unknown) => this.#controller.abort(reason)
    const signals = [this.#options.signal, this.#ports.context.signal]
    const stops = signals.map((signal) => onAbort(signal, abort))
    try {
      return await this.#run()
    } catch (error) {
      abort(error)
      await (this.#isAnnounced ? this.#takeBack() : this.#cancel())
      throw error
    } finally {
      for (const stop of stops) stop()
      this.#copies.close()
    }
  }

  async #run(): Promise<DatasetManifest> {
    const { signal } = this.#controller
    signal.throwIfAborted()
    for await (const chunk of readSource(this.#source, signal)) {
      this.#bytesRead += chunk.byteLength
      for (const shard of this.#opened.push(chunk)) await this.#begin(shard.bytes, shard.records)
      this.#report('reading')
    }
    for (const shard of this.#opened.finish()) await this.#begin(shard.bytes, shard.records)
    await abortable(Promise.all(this.#underWay), signal)
    signal.throwIfAborted()
    this.#report('replicating')
    await this.#copies.complete()
    this.#ports.checkName(this.#name)
    const manifest = this.#manifest()
    this.#report('announcing')
    await this.#announce(manifest)
    await this.#becomeWhole(manifest)
    this.#report('done')
    return manifest
  }

  /** Resolves when there is room for the next. */
  async #begin(bytes: Uint8Array<ArrayBuffer>, records: number): Promise<void> {
    if (this.#shards.length >= MAX_SHARDS) {
      throw new DataError('bad-option', `the file has more than ${MAX_SHARDS} shards: choose larger ones`)
    }
    const { signal } = this.#controller
    const index = this.#shards.length
    this.#shards.push({ id: '' as ShardId, bytes: bytes.byteLength, records })
    const leave = await this.#ports.window.enter(bytes.byteLength, signal)
    const work: Promise<void> = this.#place(index, bytes, records)
      .catch((reason: unknown) => this.#controller.abort(reason))
      .finally(() => {
        leave()
        this.#underWay.delete(work)
      })
    this.#underWay.add(work)
  }

  async #place(index: number, bytes: Uint8Array<ArrayBuffer>, records: number): Promise<void> {
    const id = await this.#ports.context.local.idOf(bytes)
    this.#shards[index] = { id, bytes: bytes.byteLength, records }
    await this.#copies.store(id, bytes)
    if (!this.#controller.signal.aborted) this.#report('reading')
  }

  #manifest(): DatasetManifest {
    const { context } = this.#ports
    const { format, header, odd } = this.#opened
    if (!format) throw new DataError('empty', 'the file is empty')
    return {
      id: this.#id,
      name: this.#name,
      format,
      replicas: this.#options.replicas ?? 'default',
      ...(header === undefined ? {} : { header }),
      shards: this.#shards,
      ...(odd.length > 0 ? { odd } : {}),
      addedBy: context.room.self.peerId,
      addedAt: Math.floor(context.clock.wall()),
    }
  }

  /** From here on the dataset exists: nothing is taken back but by the caller's signal, whatever happens to this node. */
  async #announce(manifest: DatasetManifest): Promise<void> {
    const { context } = this.#ports
    this.#controller.signal.throwIfAborted()
    await this.#keep(manifest)
    this.#isAnnounced = true
    const { signal } = this.#options
    const told = new Set<PeerId>()
    const end = context.clock.now() + ANNOUNCE_LIMIT_MS
    const body = manifestValue(manifest)
    while (context.clock.now() < end && !context.signal.aborted) {
      signal?.throwIfAborted()
      const rest = context.room.members().filter(({ isSelf, peerId }) => !isSelf && !told.has(peerId))
      if (rest.length === 0) return
      const answers = rest.map(async ({ peerId }) => {
        if (await this.#tell(peerId, body)) told.add(peerId)
      })
      await abortable(Promise.all(answers), signal)
      if (told.size < context.room.members().length - 1) await sleep(context.clock, ANNOUNCE_PAUSE_MS, signal)
    }
  }

  /** A dataset that only this tab remembers would be lost at its reload: the disk has it before anybody hears of it. */
  async #keep(manifest: DatasetManifest): Promise<void> {
    try {
      if (await this.#ports.context.catalog.create(manifest)) return
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'quota') throw error
      const message = 'this device has no space for the dataset: free some or drop another'
      throw new DataError('quota', message, { cause: error })
    }
    const most = `${MAX_DATASETS} datasets with ${MAX_CATALOG_SHARDS} shards in all`
    throw new DataError('bad-option', `the room would have more than ${most}: drop one`)
  }

  /** A holder may have gone unseen until now; replication replaces its copies, which is waited for, but not for ever. */
  async #becomeWhole({ shards, replicas }: DatasetManifest): Promise<void> {
    const { context } = this.#ports
    const { signal } = this.#options
    signal?.throwIfAborted()
    const end = context.clock.now() + WHOLE_LIMIT_MS
    const isWhole = ({ id }: ShardInfo) =>
      liveHolders(context, id).length >= context.roster.replicasOf(replicas)
    while (!shards.every(isWhole) && context.clock.now() < end && !context.signal.aborted) {
      await sleep(context.clock, WHOLE_CHECK_MS, signal)
    }
  }

  async #tell(peerId: PeerId, body: Value): Promise<boolean> {
    const { room, holdings, signal } = this.#ports.context
    try {
      const options = { timeoutMs: ANNOUNCE_TIMEOUT_MS, lane: 'bulk', signal } as const
      const bits = readBytes(await room.request(peerId, ANNOUNCE, body, options))
      if (bits)
        holdings.learn(peerId, { isFull: false, stays: holdings.stays(peerId), sets: [[this.#id, bits]] })
      return true
    } catch (error) {
      // It left, or it is slow and is asked again; a refusal is its last word.
      return error instanceof TabmeshError && (error.code === 'refused' || error.code === 'bad-message')
    }
  }

  async #takeBack(): Promise<void> {
    await this.#ports.takeBack(this.#id).catch(() => {
      // It is known as dropped, so that its shards are nobody's and go as orphans.
    })
  }

  async #cancel(): Promise<void> {
    const { context, provisional } = this.#ports
    const { self } = context.room
    const others = this.#copies
      .peers()
      .filter((peerId) => peerId !== self.peerId && context.room.member(peerId))
    const own = provisional.cancel(self.peerId, this.#id)
    const told = others.map((peerId) =>
      context.room.request(peerId, CANCEL, this.#id, { timeoutMs: CANCEL_TIMEOUT_MS }),
    )
    // Who cannot be told collects them when this node has gone, or the shards are used by nobody for a minute.
    await Promise.allSettled([own, ...told])
  }

  #report(phase: AddProgress['phase']): void {
    this.#options.onProgress?.({
      phase,
      bytesRead: this.#bytesRead,
      bytesTotal: this.#source instanceof Blob ? this.#source.size : undefined,
      shards: this.#shards.length,
      copiesStored: this.#copies.count,
      records: this.#opened.records,
      odd: this.#opened.odd,
    })
  }
}

function onAbort(signal: AbortSignal | undefined, run: (reason: unknown) => void): () => void {
  if (!signal) return () => {}
  const listener = () => run(signal.reason)
  if (signal.aborted) listener()
  signal.addEventListener('abort', listener)
  return () => signal.removeEventListener('abort', listener)
}
