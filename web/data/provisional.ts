import { type DatasetId, every, type PeerId, type SessionId, type ShardId } from '../base/index.ts'
import { StoreError } from '../storage/index.ts'
import type { DataContext } from './context.ts'
import { DataError } from './errors.ts'
import { CANCEL, isDatasetId, PUT, type PutBody, readPut } from './messages.ts'

/** How long shards that no dataset has are kept: their adder may only have lost its link. */
const ORPHAN_MS = 60_000
const CHECK_MS = 10_000
const MAX_CANCELLED = 100
const MAX_INGESTS_PER_PEER = 256
/** Shards that wait here for hash and disk; twice what one adder has on its way, and more for several. */
const MAX_WAITING_BYTES_PER_PEER = 16 * 1024 * 1024
const MAX_WAITING_BYTES = 64 * 1024 * 1024

interface Ingest {
  readonly from: PeerId
  /** A reloaded adder does not go on with it. */
  readonly sessionId: SessionId | undefined
  readonly datasetId: DatasetId
  readonly shardIds: Set<ShardId>
  /** When its adder was first seen to be gone; it may only have lost its link. */
  awaySince: number | undefined
}

/**
 * Shards that were put here for a dataset that is not announced yet. The announcement makes them the dataset's; without
 * it they go: at once when the adder says so, after a minute when it has gone.
 */
export class Provisional {
  readonly #context: DataContext
  readonly #ingests = new Map<string, Ingest>()
  readonly #cancelled = new Set<string>()
  readonly #orphanSince = new Map<ShardId, number>()
  readonly #waitingBytes = new Map<PeerId, number>()
  readonly #stops: (() => void)[]

  constructor(context: DataContext) {
    this.#context = context
    this.#stops = [
      context.room.serve(PUT, (body, { from }) => this.#onPut(body, from)),
      context.room.serve(CANCEL, async (body, { from }) => {
        if (!isDatasetId(body)) throw new DataError('bad-message', 'an ingest has a name')
        await this.cancel(from, body)
        return true
      }),
      every(context.clock, CHECK_MS, () => void this.#collect()),
    ]
  }

  /** Stores a checked shard. Rejects with a StoreError, or with a DataError `refused` or `quota`. */
  async put(from: PeerId, { ingest, shardId, bytes }: PutBody): Promise<void> {
    const key = `${from} ${ingest}`
    if (this.#cancelled.has(key)) throw new DataError('refused', 'this ingest has been cancelled')
    if (!this.#context.intake.isOpen) throw this.#refusal()
    this.#ingestOf(from, ingest).shardIds.add(shardId)
    if (!this.#context.local.has(shardId)) await this.#store(shardId, bytes)
    if (this.#cancelled.has(key)) {
      await this.removeUnused([shardId])
      throw new DataError('refused', 'this ingest has been cancelled')
    }
  }

  /** Removes what was put for it. */
  async cancel(from: PeerId, ingest: DatasetId): Promise<void> {
    const key = `${from} ${ingest}`
    const own = this.#ingests.get(key)
    this.#ingests.delete(key)
    this.#cancelled.add(key)
    for (const oldest of this.#cancelled)
      if (this.#cancelled.size > MAX_CANCELLED) this.#cancelled.delete(oldest)
    if (own) await this.removeUnused([...own.shardIds])
  }

  /** Removes those that neither a dataset nor an ingest has. */
  async removeUnused(shardIds: readonly ShardId[]): Promise<void> {
    const { local } = this.#context
    await local.remove(shardIds.filter((shardId) => local.has(shardId) && !this.#isUsed(shardId)))
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  async #onPut(body: unknown, from: PeerId): Promise<boolean> {
    await this.#context.ready
    const put = readPut(body)
    if (!put) throw new DataError('bad-message', 'a put has an ingest, a shard id and at most 8 MiB')
    const { byteLength } = put.bytes
    this.#admit(from, byteLength)
    try {
      if ((await this.#context.local.idOf(put.bytes)) !== put.shardId)
        throw new DataError('bad-bytes', 'the bytes do not have the hash that names them')
      await this.put(from, put)
    } finally {
      this.#waitingBytes.set(from, (this.#waitingBytes.get(from) ?? 0) - byteLength)
      if (this.#waitingBytes.get(from) === 0) this.#waitingBytes.delete(from)
    }
    return true
  }

  /** Counts bytes that wait here, or throws `busy` when they are too many. */
  #admit(from: PeerId, bytes: number): void {
    const own = (this.#waitingBytes.get(from) ?? 0) + bytes
    const all = [...this.#waitingBytes.values()].reduce((sum, waiting) => sum + waiting, bytes)
    if (own > MAX_WAITING_BYTES_PER_PEER || all > MAX_WAITING_BYTES)
      throw new DataError('busy', 'too many shards wait for the disk of this peer')
    this.#waitingBytes.set(from, own)
  }

  async #store(shardId: ShardId, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#context.local.put(shardId, bytes)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'quota') this.#context.intake.refuse()
      throw error
    }
  }

  #refusal(): DataError {
    return this.#context.intake.isFull
      ? new DataError('quota', 'the disk of this peer is full')
      : new DataError('refused', 'this peer takes no data')
  }

  #isUsed(shardId: ShardId): boolean {
    if (this.#context.catalog.placesOf(shardId).length > 0) return true
    return [...this.#ingests.values()].some((ingest) => ingest.shardIds.has(shardId) && !this.#isOver(ingest))
  }

  #ingestOf(from: PeerId, datasetId: DatasetId): Ingest {
    const key = `${from} ${datasetId}`
    const known = this.#ingests.get(key)
    const sessionId = this.#context.room.member(from)?.sessionId
    if (known?.sessionId === sessionId && known) return known
    const count = [...this.#ingests.values()].filter((ingest) => ingest.from === from).length
    if (count >= MAX_INGESTS_PER_PEER) throw new DataError('busy', 'this peer adds too many files at once')
    const begun: Ingest = { from, sessionId, datasetId, shardIds: new Set(), awaySince: undefined }
    this.#ingests.set(key, begun)
    return begun
  }

  /** Announced or dropped, or its adder has gone; what nobody uses then is kept for a minute as orphans. */
  #isOver(ingest: Ingest): boolean {
    const { catalog } = this.#context
    return (
      catalog.get(ingest.datasetId) !== undefined ||
      catalog.isDropped(ingest.datasetId) ||
      this.#isAway(ingest)
    )
  }

  #isAway({ from, sessionId }: Ingest): boolean {
    const { room } = this.#context
    return sessionId === undefined || room.member(from)?.sessionId !== sessionId
  }

  /** An adder that returns in time goes on with what it had put. */
  #isForgotten(ingest: Ingest, now: number): boolean {
    if (!this.#isAway(ingest)) {
      ingest.awaySince = undefined
      return this.#isOver(ingest)
    }
    ingest.awaySince ??= now
    return now - ingest.awaySince >= ORPHAN_MS
  }

  async #collect(): Promise<void> {
    const { local, clock, ready } = this.#context
    await ready
    const now = clock.now()
    for (const [key, ingest] of this.#ingests) if (this.#isForgotten(ingest, now)) this.#ingests.delete(key)
    const expired: ShardId[] = []
    const orphans = new Set<ShardId>()
    for (const shardId of local.ids()) {
      if (this.#isUsed(shardId)) continue
      orphans.add(shardId)
      const since = this.#orphanSince.get(shardId) ?? now
      this.#orphanSince.set(shardId, since)
      if (now - since >= ORPHAN_MS) expired.push(shardId)
    }
    for (const shardId of this.#orphanSince.keys())
      if (!orphans.has(shardId)) this.#orphanSince.delete(shardId)
    await local.remove(expired).catch(() => {
      // They are tried again at the next check.
    })
  }
}
