import type { DatasetId, PeerId, ShardId } from '../base/index.ts'
import type { Oddity } from './oddities.ts'

export type ColumnType = 'string' | 'number' | 'boolean'
export type CsvFormat = {
  readonly kind: 'csv'
  /** One ASCII character, as the next two. */
  readonly delimiter: string
  /** Empty: quotes are text. Default: `"`. */
  readonly quote?: string
  /** A line that begins with it is no record. Empty, the default: none does. */
  readonly comment?: string
  /** In file order, all different: the second `x` is `x_1`. */
  readonly columns: readonly string[]
  readonly schema?: Readonly<Record<string, ColumnType>>
}
/** How bytes become records. Typing is opt-in: a column that `schema` does not name stays a string as in the file. */
export type DatasetFormat = CsvFormat | NdjsonFormat | { readonly kind: 'text' }
export type NdjsonFormat = {
  readonly kind: 'ndjson'
  /** Whoever added it saw that every value is what `JSON.parse` makes of it, so that no reader looks again. */
  readonly exact?: true
}

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
  /** Of CSV: the text in front of the first record, its line end included; empty when it has no header line. */
  readonly header?: string
  /** In file order. The bytes of shard n continue those of shard n - 1; CSV shards carry no header line. */
  readonly shards: readonly ShardInfo[]
  /** What was unusual in the file when it was added. */
  readonly odd?: readonly Oddity[]
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
  /** What was unusual in the file when it was added: kind, count and first lines. */
  readonly odd: readonly Oddity[]
  /** The same in words. */
  readonly notes: readonly string[]
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
  /** What is unusual so far. */
  readonly odd: readonly Oddity[]
}

/** How a file is read. Everything but `format`, `encoding` and `schema` is of CSV, which naming one of them means. */
export interface ReadOptions {
  /**
   * Detected from the name and the first bytes when left out. `ndjson` takes a value a line, a JSON array (each element is a
   * record), or values one after another on any number of lines.
   */
  readonly format?: 'csv' | 'ndjson' | 'text'
  /**
   * What the bytes are, by any label that a TextDecoder takes: `windows-1252`, `shift_jis`, `utf-16le`. A byte order mark says
   * more. Left out: UTF-16 where it looks so, else UTF-8. What is not UTF-8 is stored, and exported, as UTF-8.
   */
  readonly encoding?: string
  /** Turns the strings of the named columns into this type; a field that does not fit stays a string. */
  readonly schema?: Readonly<Record<string, ColumnType>>
  /** One ASCII character. Left out: what a first line `sep=;` says, or guessed. */
  readonly delimiter?: string
  /** One ASCII character, or empty: quotes are text. Default: `"`. */
  readonly quote?: string
  /** False: the first line is a record, and the columns are `column1`, `column2` and so on. Default: true. */
  readonly header?: boolean
  /** Lines in front of the header line, or the first record: 0 to 1,000. Default: 0. */
  readonly skipLines?: number
  /** One ASCII character: lines that begin with it are no records. Default, and empty: none. */
  readonly comment?: string
}

export interface AddOptions extends ReadOptions {
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
  preview(name: string, source: Blob, options?: ReadOptions): Promise<Preview>
}

export interface Preview {
  readonly format: DatasetFormat
  /** As the Encoding Standard names it: `utf-8`, `windows-1252` and so on. */
  readonly encoding: string
  /** At most 100. */
  readonly records: readonly unknown[]
  /** Types that every previewed field of a column fits: offered to the user, applied only when confirmed. */
  readonly suggestedSchema: Readonly<Record<string, ColumnType>>
  /** What is unusual in the part that was read. */
  readonly odd: readonly Oddity[]
  /** In words what a person should know: the same, and what is converted. */
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
