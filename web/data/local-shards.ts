import { type Crypto, GroupCommit, isShardId, Listeners, type ShardId, toHex } from '../base/index.ts'
import { type Store, StoreError, type StoreWrite } from '../storage/index.ts'
import { SHARDS } from './tables.ts'

/** What one transaction takes; more waits for the next. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024

interface Change {
  readonly shardId: ShardId
  /** Undefined removes. */
  readonly bytes: ArrayBuffer | undefined
}

/** The shards on this node's disk. Every read checks the hash; a copy that is bad is removed and counts as absent. */
export class LocalShards {
  readonly #store: Store
  readonly #crypto: Crypto
  readonly #held = new Set<ShardId>()
  readonly #changed = new Listeners<[readonly ShardId[]]>()
  /**
   * One transaction at a time, so that a put and a later removal keep their order. One shard that does not fit must not keep
   * out the smaller ones beside it.
   */
  readonly #commits = new GroupCommit<Change, undefined>((batch) => this.#commit(batch), {
    bound: { most: MAX_BATCH_BYTES, weightOf: ({ bytes }) => bytes?.byteLength ?? 0 },
    isSplitBy: (error) => isCode(error, 'quota'),
  })

  constructor(store: Store, crypto: Crypto) {
    this.#store = store
    this.#crypto = crypto
  }

  async load(): Promise<void> {
    for (const key of await this.#store.keys(SHARDS)) if (isShardId(key)) this.#held.add(key)
  }

  has(shardId: ShardId): boolean {
    return this.#held.has(shardId)
  }

  ids(): Iterable<ShardId> {
    return this.#held.values()
  }

  /** Called with the shards that came or went. */
  onChange(listener: (shardIds: readonly ShardId[]) => void): () => void {
    return this.#changed.add(listener)
  }

  /** Resolves when the bytes are on the disk; their hash must have been checked. Rejects with a StoreError. */
  put(shardId: ShardId, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const isWhole = bytes.byteLength === bytes.buffer.byteLength
    return this.#commits.run({ shardId, bytes: isWhole ? bytes.buffer : bytes.slice().buffer })
  }

  async remove(shardIds: readonly ShardId[]): Promise<void> {
    await Promise.all(shardIds.map((shardId) => this.#commits.run({ shardId, bytes: undefined })))
  }

  /** A buffer of the caller's own. Undefined when it is absent, bad or cannot be read now: others may have it. */
  async read(shardId: ShardId): Promise<ArrayBuffer | undefined> {
    try {
      const value = await this.#store.get(SHARDS, shardId)
      if (value instanceof ArrayBuffer && (await this.idOf(new Uint8Array(value))) === shardId) return value
    } catch (error) {
      // The disk may only be busy or gone; a copy that it cannot read is as bad as one with other bytes.
      if (!isCode(error, 'corrupt')) return undefined
    }
    if (!this.#held.has(shardId)) return undefined
    await this.remove([shardId]).catch(() => {
      // The next read tries again.
    })
    return undefined
  }

  async idOf(bytes: Uint8Array): Promise<ShardId> {
    return toHex(await this.#crypto.sha256(bytes)) as ShardId
  }

  async #commit(batch: readonly Change[]): Promise<readonly undefined[]> {
    await this.#write(batch)
    for (const { shardId, bytes } of batch) {
      if (bytes) this.#held.add(shardId)
      else this.#held.delete(shardId)
    }
    this.#changed.emit(batch.map(({ shardId }) => shardId))
    return batch.map(() => undefined)
  }

  async #write(batch: readonly Change[]): Promise<void> {
    const writes = batch.map(({ shardId: key, bytes: value }): StoreWrite => {
      return value ? { table: SHARDS, key, value } : { table: SHARDS, key, remove: true }
    })
    try {
      await this.#store.write(writes, 'relaxed')
    } catch (error) {
      if (!isCode(error, 'lost') && !isCode(error, 'conflict')) throw error
      // The same id always has the same bytes, so writing again is safe whatever became of the first.
      await this.#store.write(writes, 'relaxed')
    }
  }
}

function isCode(error: unknown, code: StoreError['code']): boolean {
  return error instanceof StoreError && error.code === code
}
