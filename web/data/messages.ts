import {
  type DatasetId,
  entriesOf,
  isCount,
  isPeerId,
  isRecord,
  isShardId,
  isTokenId,
  type JobId,
  type ShardId,
} from '../base/index.ts'
import type { Value } from '../wire/index.ts'
import type { ColumnType, DatasetFormat, DatasetManifest, ShardInfo } from './dataset.ts'
import {
  MAX_COLUMNS,
  MAX_DATASETS,
  MAX_HEADER_BYTES,
  MAX_NAME_LENGTH,
  MAX_REPLICAS,
  MAX_SHARD_BYTES,
  MAX_SHARDS,
} from './limits.ts'
import { readOddities } from './oddities.ts'

/** Request: store a shard of an ingest that is under way. Answered true when it is on the disk. */
export const PUT = 'data.put'
/** Request: the bytes of a shard. */
export const GET = 'data.get'
/** Request: here is a new dataset. Answered with the bitmap of the shards that the answerer holds. */
export const ANNOUNCE = 'data.announce'
/** Request: forget what was put for this ingest. */
export const CANCEL = 'data.cancel'
/** Request: this dataset is dropped. */
export const DROP = 'data.drop'
/** Request: the manifests of these datasets; answered with as many as fit a frame, at least one. */
export const PULL = 'data.pull'
/** Request: which of these shards do you hold, and will you keep for two minutes? Answered with the ids. */
export const KEEP = 'data.keep'
/** Notification: the datasets that the sender knows, and which of them are dropped. */
export const DIGEST = 'data.digest'
/** Notification: which shards the sender holds. */
export const HOLDINGS = 'data.holdings'

export const MAX_DIGEST_ENTRIES = 1_000
export const MAX_IDS = 1_000

export interface PutBody {
  /** The id that the dataset will have. */
  readonly ingest: DatasetId
  readonly shardId: ShardId
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface HoldingsBody {
  /** Replaces everything that was known of the sender; otherwise only the named datasets. */
  readonly isFull: boolean
  /** It takes nothing more, but keeps what it has: its disk is full. */
  readonly stays: boolean
  readonly sets: readonly (readonly [DatasetId, Uint8Array])[]
}

export type DigestBody = readonly (readonly [DatasetId, boolean])[]

export function readPut(body: unknown): PutBody | undefined {
  if (!isRecord(body) || !isDatasetId(body['ingest']) || !isShardId(body['shardId'])) return undefined
  const bytes = readBytes(body['bytes'])
  if (!bytes || bytes.byteLength === 0 || bytes.byteLength > MAX_SHARD_BYTES) return undefined
  return { ingest: body['ingest'], shardId: body['shardId'], bytes }
}

export function readShardBytes(body: unknown): Uint8Array<ArrayBuffer> | undefined {
  const bytes = readBytes(body)
  return bytes && bytes.byteLength <= MAX_SHARD_BYTES ? bytes : undefined
}

export function isDatasetId(value: unknown): value is DatasetId & JobId {
  return isTokenId(value)
}

export function readIds<Id>(body: unknown, isId: (value: unknown) => value is Id): readonly Id[] | undefined {
  return Array.isArray(body) && body.length <= MAX_IDS && body.every(isId) ? body : undefined
}

export function manifestValue(manifest: DatasetManifest): Value {
  const { odd, ...rest } = manifest
  const shards = manifest.shards.map((shard) => ({ ...shard }))
  if (!odd) return { ...rest, shards }
  return { ...rest, shards, odd: odd.map((one) => ({ ...one, lines: [...one.lines] })) }
}

export function readManifests(body: unknown): readonly DatasetManifest[] {
  if (!Array.isArray(body)) return []
  return body.slice(0, MAX_IDS).flatMap((value) => readManifest(value) ?? [])
}

export function readDigest(body: unknown): DigestBody | undefined {
  if (!Array.isArray(body) || body.length > MAX_DIGEST_ENTRIES) return undefined
  const isEntry = (entry: unknown) =>
    Array.isArray(entry) && entry.length === 2 && isDatasetId(entry[0]) && typeof entry[1] === 'boolean'
  return body.every(isEntry) ? body : undefined
}

export function readHoldings(body: unknown): HoldingsBody | undefined {
  if (!isRecord(body) || typeof body['isFull'] !== 'boolean' || typeof body['stays'] !== 'boolean')
    return undefined
  const sets: unknown = body['sets']
  if (!Array.isArray(sets) || sets.length > MAX_DATASETS) return undefined
  const checked: [DatasetId, Uint8Array][] = []
  for (const entry of sets) {
    const bits = Array.isArray(entry) ? readBytes(entry[1]) : undefined
    if (!bits || bits.byteLength > MAX_SHARDS / 8 || !isDatasetId(entry[0])) return undefined
    checked.push([entry[0], bits])
  }
  return { isFull: body['isFull'], stays: body['stays'], sets: checked }
}

export function readBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : undefined
}

/** 1 to 200 characters without control characters, not white space alone. */
export function isDatasetName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAX_NAME_LENGTH &&
    !/\p{Cc}|\p{Cs}/u.test(value)
  )
}

/** A copy with the known fields only; undefined for anything out of shape or bounds. */
export function readManifest(value: unknown): DatasetManifest | undefined {
  if (!isRecord(value)) return undefined
  const { id, name, format, replicas, header, shards, odd, addedBy, addedAt } = value
  const checkedFormat = readFormat(format)
  const checkedShards = readShards(shards)
  const checkedOdd = odd === undefined ? [] : readOddities(odd)
  if (
    !isDatasetId(id) ||
    !isDatasetName(name) ||
    !isPeerId(addedBy) ||
    !checkedFormat ||
    !checkedShards ||
    !checkedOdd
  ) {
    return undefined
  }
  if (replicas !== 'default' && !isCount(replicas, 1, MAX_REPLICAS)) return undefined
  if (!isCount(addedAt)) return undefined
  if (header !== undefined && (typeof header !== 'string' || header.length > MAX_HEADER_BYTES))
    return undefined
  return {
    id,
    name,
    format: checkedFormat,
    replicas,
    ...(header === undefined ? {} : { header }),
    shards: checkedShards,
    ...(checkedOdd.length > 0 ? { odd: checkedOdd } : {}),
    addedBy,
    addedAt,
  }
}

function readShards(value: unknown): ShardInfo[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_SHARDS) return undefined
  const shards: ShardInfo[] = []
  for (const shard of value) {
    if (!isRecord(shard) || !isShardId(shard['id'])) return undefined
    const { id, bytes, records } = shard
    if (!isCount(bytes, 1, MAX_SHARD_BYTES) || !isCount(records, 0, bytes)) return undefined
    shards.push({ id, bytes, records })
  }
  return shards
}

/** A copy with the known fields only; undefined for anything out of shape or bounds. */
export function readFormat(value: unknown): DatasetFormat | undefined {
  if (!isRecord(value)) return undefined
  const { kind, exact, delimiter, quote, comment, columns, schema } = value
  if (kind === 'ndjson') return exact === true ? { kind, exact } : { kind }
  if (kind === 'text') return { kind }
  if (kind !== 'csv' || !isSign(delimiter)) return undefined
  if (!isSignOrNone(quote) || !isSignOrNone(comment)) return undefined
  if (areAmbiguous(delimiter, quote, comment)) return undefined
  if (!Array.isArray(columns) || columns.length > MAX_COLUMNS || !columns.every(isText)) return undefined
  const known = new Set(columns)
  if (known.size < columns.length) return undefined
  const typed = schema === undefined ? [] : entriesOf(schema, MAX_COLUMNS)
  if (!typed?.every(([column, type]) => known.has(column) && isColumnType(type))) return undefined
  return {
    kind,
    delimiter,
    ...(quote === undefined ? {} : { quote }),
    ...(comment === undefined ? {} : { comment }),
    columns,
    ...(schema === undefined ? {} : { schema: Object.fromEntries(typed) as Record<string, ColumnType> }),
  }
}

/** One ASCII character that ends no line. */
export function isSign(value: unknown): value is string {
  return typeof value === 'string' && /^[\p{ASCII}]$/u.test(value) && !['\0', '\r', '\n'].includes(value)
}

/** One character cannot mean two things. */
export function areAmbiguous(delimiter = '', quote = '"', comment = ''): boolean {
  const signs = [delimiter, quote, comment].filter((sign) => sign !== '')
  return new Set(signs).size < signs.length
}

function isSignOrNone(value: unknown): value is string | undefined {
  return value === undefined || value === '' || isSign(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isColumnType(value: unknown): boolean {
  return value === 'string' || value === 'number' || value === 'boolean'
}
