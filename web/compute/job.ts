import type { JobId, PeerId, ShardId } from '../base/index.ts'
import { TabmeshError } from '../base/index.ts'
import type { Dataset } from '../data/index.ts'

export type JobKey = string | number
export interface MapContext {
  emit(key: JobKey, value: unknown): void
  /** Adds to the job's counter of that name. */
  count(name: string, n?: number): void
  readonly params: unknown
}
export interface FoldContext {
  count(name: string, n?: number): void
  readonly params: unknown
}
// biome-ignore lint/suspicious/noExplicitAny: records are what the user's file holds; a narrower parameter must be allowed.
export type MapFunction = (record: any, ctx: MapContext) => unknown
// biome-ignore lint/suspicious/noExplicitAny: values are what the user's map emitted.
export type FoldFunction = (key: any, values: any[], ctx: FoldContext) => unknown

export interface MapReduceOptions {
  readonly dataset: string | Dataset
  /** Functions travel by their source text: they see their arguments and nothing of the page. */
  readonly map: MapFunction | string
  readonly combine?: FoldFunction | string
  /** Left out: the pairs are [key, array of values], together at most 64 MiB for each partition. */
  readonly reduce?: FoldFunction | string
  /** 1 to 256. Default: the number of peers that take work, at most 16. */
  readonly partitions?: number
  /** A structured value of at most 1 MiB, the same for every task. */
  readonly params?: unknown
  /** Default 60,000. */
  readonly taskTimeoutMs?: number
  readonly signal?: AbortSignal
}

export type JobState = 'waiting' | 'mapping' | 'reducing' | 'done' | 'failed' | 'cancelled'
export type AttemptState = 'queued' | 'running' | 'committed' | 'failed' | 'discarded'
export interface AttemptView {
  readonly peer: PeerId
  readonly state: AttemptState
  readonly locality: 'local' | 'moved'
  readonly reason?: string
  readonly startedMs: number
  readonly endedMs?: number
}
export interface TaskView {
  readonly id: string
  readonly stage: 'map' | 'reduce'
  readonly state: 'waiting' | 'running' | 'committed' | 'failed'
  /** Of a map task. */
  readonly shardId?: ShardId
  readonly records: number
  readonly attempts: readonly AttemptView[]
}
export interface JobCounters {
  /** Map tasks by their committed attempt. */
  readonly tasksLocal: number
  readonly tasksMoved: number
  /** Bytes that crossed a link for this job: moved shards, shuffle and results. */
  readonly bytesMoved: number
  readonly recordsRead: number
  readonly attemptsFailed: number
  /** From `ctx.count`. */
  readonly user: Readonly<Record<string, number>>
}
export interface JobSnapshot {
  readonly id: JobId
  readonly state: JobState
  readonly dataset: string
  readonly tasks: readonly TaskView[]
  readonly counters: JobCounters
  readonly startedAt: number
  readonly elapsedMs: number
  readonly error?: JobError
}
export interface JobProgress {
  readonly state: JobState
  readonly mapsDone: number
  readonly maps: number
  readonly reducesDone: number
  readonly reduces: number
}

export type JobErrorCode =
  | 'no-such-dataset'
  | 'dataset-dropped'
  | 'bad-option'
  | 'code-error'
  | 'task-failed'
  | 'task-timeout'
  | 'bad-key'
  | 'bad-value'
  | 'output-too-large'
  | 'late-emit'
  | 'bad-combine'
  | 'shards-missing'
  | 'no-workers'
  | 'sandbox-leaks'
  | 'cancelled'

/** Why a job failed. `message` contains the task's own. */
export class JobError extends TabmeshError<JobErrorCode> {
  readonly peer: PeerId | undefined
  /** The record that the function was given, as text, at most 1,000 characters. */
  readonly record: string | undefined

  constructor(
    code: JobErrorCode,
    message: string,
    details: {
      peer?: PeerId | undefined
      record?: string | undefined
      stack?: string | undefined
      cause?: unknown
    } = {},
  ) {
    super(code, message, details.cause === undefined ? undefined : { cause: details.cause })
    this.peer = details.peer
    this.record = details.record
    if (details.stack !== undefined) this.stack = details.stack
  }
}

export interface Job {
  readonly id: JobId
  /** The same object until something changes. */
  getSnapshot(): JobSnapshot
  subscribe(listener: () => void): () => void
  progress(): AsyncIterable<JobProgress>
  /** [key, value] in key order: numbers before strings, numbers by value, strings by code point. Rejects with JobError. */
  result(options?: { signal?: AbortSignal }): Promise<readonly (readonly [JobKey, unknown])[]>
  cancel(reason?: string): void
}

/** What this node runs and keeps for others' jobs, for the page to show and stop. */
export interface RunningWork {
  readonly jobId: JobId
  readonly submitter: PeerId
  readonly dataset: string
  readonly attempts: number
}

export interface Jobs {
  /** Synchronous; every problem rejects `result()`. */
  mapReduce(options: MapReduceOptions): Job
  /** Jobs that this node submitted, newest first, at most 50. */
  list(): readonly Job[]
  /** How many of the dataset's shards would be read where they are, with the members of now. */
  locality(dataset: string): { readonly local: number; readonly shards: number; readonly bytesToMove: number }
  /** Others' work on this node. */
  running(): readonly RunningWork[]
  /** Ends one job's work here; its submitter sees failed attempts and goes elsewhere. */
  stop(jobId: JobId): void
  subscribe(listener: () => void): () => void
}
