import type { DatasetId, PeerId, ShardId } from '../base/index.ts'

export type ColumnType = 'string' | 'number' | 'boolean'
export type Newline = '\n' | '\r\n' | '\r'
/** How bytes become records. Typing is opt-in: a column that `schema` does not name stays a string as in the file. */
export type DatasetFormat =
  | {
      readonly kind: 'csv'
      readonly delimiter: string
      readonly columns: readonly string[]
      readonly schema?: Readonly<Record<string, ColumnType>>
      /** The line end of the whole file, as papaparse guesses it. Default: `\n`. */
      readonly newline?: Newline
    }
  | { readonly kind: 'ndjson' }
  | { readonly kind: 'text' }

export interface ShardInfo {
  readonly id: ShardId
  readonly bytes: number
  readonly records: number
}

/** Everything that is fixed about a dataset. Immutable, content-addressed by its shards, replicated to every member. */
export interface DatasetManifest {
  readonly id: DatasetId
  readonly name: string
  readonly format: DatasetFormat
  readonly replicas: number | 'default'
  /** Of CSV: the text in front of the first record, its line end included. */
  readonly header?: string
  /** In file order. The bytes of shard n continue those of shard n - 1; CSV shards carry no header line. */
  readonly shards: readonly ShardInfo[]
  readonly addedBy: PeerId
  /** Wall clock of the adding device, for showing only. */
  readonly addedAt: number
}

export interface DatasetInfo {
  readonly id: DatasetId
  readonly name: string
  readonly format: DatasetFormat
  readonly bytes: number
  readonly records: number
  readonly shardCount: number
  /** Copies wanted of each shard with the members of now. */
  readonly replicas: number
  /** Shards with at least one live holder. */
  readonly availableShards: number
  /** Shards with fewer live holders than wanted. */
  readonly missingReplicas: number
  readonly addedBy: PeerId
  readonly addedAt: number
}

export interface ShardView extends ShardInfo {
  /** Live members that said they hold it, this node included. */
  readonly holders: readonly PeerId[]
}

export interface AddProgress {
  readonly phase: 'reading' | 'replicating' | 'announcing' | 'done'
  readonly bytesRead: number
  /** Undefined for a stream of unknown length. */
  readonly bytesTotal: number | undefined
  readonly shards: number
  readonly copiesStored: number
  readonly records: number
}

export interface AddOptions {
  /** Detected from the name and the first bytes when left out. */
  readonly format?: 'csv' | 'ndjson' | 'text'
  /** Turns the strings of the named columns into this type; a field that does not fit stays a string. */
  readonly schema?: Readonly<Record<string, ColumnType>>
  /** 4 KiB to 8 MiB. Default: size / 64 within 64 KiB and 4 MiB; 1 MiB where the size is unknown. */
  readonly shardBytes?: number
  readonly replicas?: number
  readonly onProgress?: (progress: AddProgress) => void
  /** Aborting removes what was stored so far, here and on the others. */
  readonly signal?: AbortSignal
}

/**
 * A handle is of one dataset, by its id: once that is dropped it stays so, whatever is added under the same name.
 */
export interface Dataset {
  readonly id: DatasetId
  readonly name: string
  info(): DatasetInfo
  shards(): readonly ShardView[]
  /** The whole dataset in file order, from whoever holds it: objects, NDJSON values or lines. */
  records(options?: { signal?: AbortSignal }): AsyncIterable<unknown>
  /** The file as it was added: for CSV the header line first. */
  export(options?: { signal?: AbortSignal }): Promise<Blob>
  /** Removes it everywhere; peers that are away remove it when they return. */
  drop(): Promise<void>
}

export interface Datasets {
  /**
   * Resolves when every shard is on min(replicas, members) peers and every present member lists the dataset.
   * Rejects with a DataError: `name-taken`, `bad-name`, `empty`, `not-text`, `record-too-large`, `quota`, `file-changed`,
   * `bad-option`; with a StoreError, when this device's disk cannot remember the dataset; or with `signal.reason`.
   */
  add(name: string, source: Blob | ReadableStream<Uint8Array>, options?: AddOptions): Promise<Dataset>
  list(): readonly Dataset[]
  get(name: string): Dataset | undefined
  /** Reads no more than it must: detected format, columns and the first records. Same errors as {@link add}. */
  preview(name: string, source: Blob, options?: Pick<AddOptions, 'format' | 'schema'>): Promise<Preview>
}

export interface Preview {
  readonly format: DatasetFormat
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
  /** At most 100. */
  readonly records: readonly unknown[]
  /** Types that every previewed field of a column fits: offered to the user, applied only when confirmed. */
  readonly suggestedSchema: Readonly<Record<string, ColumnType>>
  /** Things a person should know: ragged rows, conversion from UTF-16. */
  readonly notes: readonly string[]
}

/** What execution needs of the data layer, beside the public face. */
export interface ShardSource {
  /** By the name that it has now, or by its id. Undefined for one that is dropped. */
  manifest(dataset: string | Pick<Dataset, 'id'>): DatasetManifest | undefined
  /** Live members that hold the shard, this node included. */
  holders(shardId: ShardId): readonly PeerId[]
  holdsLocally(shardId: ShardId): boolean
  /** The local copy if it is there and its hash is right, else fetched from a holder and checked; `bytesMoved` is 0 for local. */
  read(
    shardId: ShardId,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: ArrayBuffer; readonly bytesMoved: number }>
  /** Holders changed. */
  onChange(listener: () => void): () => void
}
