import {
  isCount,
  isPeerId,
  isRecord,
  isShardId,
  isTokenId,
  type JobId,
  type PeerId,
  type ShardId,
} from '../base/index.ts'
import { type DatasetFormat, readFormat } from '../data/index.ts'
import {
  INLINE_MAP_BYTES,
  INLINE_RESULT_BYTES,
  MAX_CODE_CHARS,
  MAX_KEPT_BYTES,
  MAX_OUTPUT_BYTES,
  MAX_PARAMS_BYTES,
  MAX_PARTITIONS,
  MAX_TASK_TIMEOUT_MS,
  MAX_TASKS,
} from './limits.ts'
import { type LongestList, parseLongest } from './sandbox/longest.ts'
import type { GuestFault, JobCode } from './sandbox/port.ts'
import { parseCounters, parseFault } from './sandbox/protocol.ts'

/** The methods and the channel of this layer. */
export const METHOD = {
  /** Submitter to worker peer, once: {@link JobSpec}. Answered with null; rejected with `refused` or `leaks`. */
  open: 'compute/open',
  /** Submitter to worker peer: {@link MapRequest}, answered when the attempt has ended with {@link MapAnswer} or {@link FaultAnswer}. */
  map: 'compute/map',
  /** Submitter to worker peer: {@link ReduceRequest}; {@link ReduceAnswer}, {@link FaultAnswer} or {@link LostAnswer}. */
  reduce: 'compute/reduce',
  /** Whoever needs output to the worker peer that keeps it: {@link FetchRequest}, answered with the piece's bytes. */
  fetch: 'compute/fetch',
  /** Worker peer to submitter after a quiet time: the job's id; answered with whether it still runs. */
  alive: 'compute/alive',
} as const
/** Notification, submitter to worker peer: the job with this id has ended. */
export const CLOSE_CHANNEL = 'compute/close'

export interface JobSpec {
  readonly jobId: JobId
  readonly dataset: string
  readonly format: DatasetFormat
  readonly code: JobCode
  readonly params: Uint8Array
  readonly partitions: number
  readonly taskTimeoutMs: number
}

export interface MapRequest {
  readonly jobId: JobId
  readonly task: number
  readonly attempt: number
  readonly shardId: ShardId
}

/** The submitter holds the buckets itself when they came inline; otherwise they are fetched from the mapper. */
export interface MapAnswer {
  readonly type: 'mapped'
  /** Encoded bytes of each partition's bucket. */
  readonly sizes: readonly number[]
  readonly inline?: readonly ArrayBuffer[]
  readonly recordsRead: number
  readonly counters: Readonly<Record<string, number>>
  /** Of the shard, when it was not held there. */
  readonly bytesMoved: number
  /** Without a reduce: what an error names when the lists become too long. */
  readonly longest?: LongestList
}

/** One map task's bucket for this partition; those with nothing in them are left out. */
export type ReduceInput =
  | { readonly inline: ArrayBuffer }
  | { readonly peer: PeerId; readonly task: number; readonly attempt: number; readonly bytes: number }

export interface ReduceRequest {
  readonly jobId: JobId
  readonly partition: number
  readonly attempt: number
  /** In shard order. */
  readonly inputs: readonly ReduceInput[]
}

export interface ReduceAnswer {
  readonly type: 'reduced'
  readonly bytes: number
  readonly inline?: ArrayBuffer
  readonly counters: Readonly<Record<string, number>>
  readonly bytesMoved: number
}

/** The task itself failed. */
export interface FaultAnswer {
  readonly type: 'fault'
  readonly fault: GuestFault
}

/** Buckets of these map tasks could not be had from their mappers. */
export interface LostAnswer {
  readonly type: 'lost'
  readonly tasks: readonly number[]
}

export interface FetchRequest {
  readonly submitter: PeerId
  readonly jobId: JobId
  readonly stage: 'map' | 'reduce'
  readonly task: number
  readonly attempt: number
  /** Of a map task: the partition. */
  readonly bucket: number
  readonly offset: number
}

export function parseJobSpec(body: unknown): JobSpec | undefined {
  if (!isRecord(body)) return undefined
  const { jobId, dataset, params, partitions, taskTimeoutMs } = body
  const code = parseCode(body['code'])
  const format = readFormat(body['format'])
  if (!isTokenId(jobId) || !isText(dataset, 1000) || !code || !format) return undefined
  if (!(params instanceof Uint8Array) || params.byteLength > MAX_PARAMS_BYTES) return undefined
  if (!isCount(partitions, 1, MAX_PARTITIONS)) return undefined
  if (!isCount(taskTimeoutMs, 1, MAX_TASK_TIMEOUT_MS)) return undefined
  return { jobId, dataset, format, code, params, partitions, taskTimeoutMs }
}

export function parseMapRequest(body: unknown): MapRequest | undefined {
  if (!isRecord(body)) return undefined
  const { jobId, task, attempt, shardId } = body
  if (
    !isTokenId(jobId) ||
    !isCount(task, 0, MAX_TASKS) ||
    !isCount(attempt, 0, MAX_TASKS) ||
    !isShardId(shardId)
  )
    return undefined
  return { jobId, task, attempt, shardId }
}

export function parseMapAnswer(body: unknown, partitions: number): MapAnswer | FaultAnswer | undefined {
  if (!isRecord(body)) return undefined
  if (body['type'] === 'fault') return parseFaultAnswer(body)
  const { type, sizes, inline, recordsRead, bytesMoved } = body
  const counters = parseCounters(body['counters'])
  if (type !== 'mapped' || !counters || !isCount(recordsRead) || !isCount(bytesMoved)) return undefined
  if (!Array.isArray(sizes) || sizes.length !== partitions || !areSizes(sizes)) return undefined
  const longest = parseLongest(body['longest'])
  const answer: MapAnswer = {
    type,
    sizes,
    recordsRead,
    counters,
    bytesMoved,
    ...(longest ? { longest } : {}),
  }
  if (inline === undefined) return answer
  const isWhole = Array.isArray(inline) && inline.length === partitions
  if (!isWhole || sumOf(sizes) > INLINE_MAP_BYTES) return undefined
  if (!inline.every((one, i) => one instanceof ArrayBuffer && one.byteLength === sizes[i])) return undefined
  return { ...answer, inline }
}

export function parseReduceRequest(body: unknown): ReduceRequest | undefined {
  if (!isRecord(body)) return undefined
  const { jobId, partition, attempt, inputs } = body
  if (!isTokenId(jobId) || !isCount(partition, 0, MAX_PARTITIONS) || !isCount(attempt, 0, MAX_TASKS))
    return undefined
  if (!Array.isArray(inputs) || inputs.length > MAX_TASKS) return undefined
  const parsed = inputs.map(parseReduceInput)
  if (!parsed.every((input) => input !== undefined)) return undefined
  if (sumOf(parsed.map((input) => ('inline' in input ? 0 : input.bytes))) > MAX_KEPT_BYTES) return undefined
  return { jobId, partition, attempt, inputs: parsed }
}

function parseReduceInput(body: unknown): ReduceInput | undefined {
  if (!isRecord(body)) return undefined
  const { inline, peer, task, attempt, bytes } = body
  if (inline instanceof ArrayBuffer) return inline.byteLength > INLINE_MAP_BYTES ? undefined : { inline }
  if (
    !isPeerId(peer) ||
    !isCount(task, 0, MAX_TASKS) ||
    !isCount(attempt, 0, MAX_TASKS) ||
    !isCount(bytes, 0, MAX_OUTPUT_BYTES)
  )
    return undefined
  return { peer, task, attempt, bytes }
}

export function parseReduceAnswer(body: unknown): ReduceAnswer | FaultAnswer | LostAnswer | undefined {
  if (!isRecord(body)) return undefined
  if (body['type'] === 'fault') return parseFaultAnswer(body)
  if (body['type'] === 'lost') return parseLostAnswer(body)
  const { type, bytes, inline, bytesMoved } = body
  const counters = parseCounters(body['counters'])
  if (type !== 'reduced' || !counters || !isCount(bytes, 0, MAX_OUTPUT_BYTES) || !isCount(bytesMoved))
    return undefined
  if (inline === undefined) return { type, bytes, counters, bytesMoved }
  if (!(inline instanceof ArrayBuffer) || inline.byteLength !== bytes || bytes > INLINE_RESULT_BYTES)
    return undefined
  return { type, bytes, inline, counters, bytesMoved }
}

function parseFaultAnswer(body: Readonly<Record<string, unknown>>): FaultAnswer | undefined {
  const fault = parseFault(body['fault'])
  return fault && { type: 'fault', fault }
}

function parseLostAnswer(body: Readonly<Record<string, unknown>>): LostAnswer | undefined {
  const tasks = body['tasks']
  if (
    !Array.isArray(tasks) ||
    tasks.length > MAX_TASKS ||
    !tasks.every((task) => isCount(task, 0, MAX_TASKS))
  )
    return undefined
  return { type: 'lost', tasks }
}

export function parseFetchRequest(body: unknown): FetchRequest | undefined {
  if (!isRecord(body)) return undefined
  const { submitter, jobId, stage, task, attempt, bucket, offset } = body
  if (!isPeerId(submitter) || !isTokenId(jobId) || (stage !== 'map' && stage !== 'reduce')) return undefined
  if (
    !isCount(task, 0, MAX_TASKS) ||
    !isCount(attempt, 0, MAX_TASKS) ||
    !isCount(bucket, 0, MAX_PARTITIONS) ||
    !isCount(offset)
  )
    return undefined
  return { submitter, jobId, stage, task, attempt, bucket, offset }
}

function parseCode(body: unknown): JobCode | undefined {
  if (!isRecord(body)) return undefined
  const { map, combine, reduce } = body
  if (typeof map !== 'string' || !isTextOrNone(combine) || !isTextOrNone(reduce)) return undefined
  if (map.length + (combine?.length ?? 0) + (reduce?.length ?? 0) > MAX_CODE_CHARS) return undefined
  return { map, ...(combine === undefined ? {} : { combine }), ...(reduce === undefined ? {} : { reduce }) }
}

/** Of one task's output: together no more than a task may give. */
function areSizes(sizes: readonly unknown[]): sizes is readonly number[] {
  return (
    sizes.every((size) => isCount(size, 0, MAX_OUTPUT_BYTES)) && sumOf(sizes as number[]) <= MAX_OUTPUT_BYTES
  )
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxChars
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
