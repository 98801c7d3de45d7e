import type { PeerId } from '../base/index.ts'
import type { ShardInfo } from '../data/index.ts'
import type { AttemptView, TaskView } from './job.ts'
import type { MapAnswer, ReduceAnswer } from './messages.ts'
import type { GuestFault } from './sandbox/port.ts'

/** How an attempt ended without a commit. `lost`: its peer or link went. `inputs`: buckets that it needs did. */
export interface AttemptFailure {
  readonly kind: 'fault' | 'peer' | 'lost' | 'inputs'
  readonly reason: string
  readonly fault?: GuestFault
  /** The peer will do nothing for this job: it refused, or its sandbox leaks. */
  readonly refusal?: 'refused' | 'leaks'
}

/** One execution of a task by one peer. */
export interface Attempt {
  readonly n: number
  readonly peer: PeerId
  readonly locality: 'local' | 'moved'
  readonly startedMs: number
  readonly controller: AbortController
  state: 'running' | 'committed' | 'failed' | 'discarded'
  endedMs?: number
  reason?: string
}

interface TaskBase {
  readonly index: number
  readonly attempts: Attempt[]
  readonly failedOn: Set<PeerId>
  /** Peers on which the job's own code failed. */
  readonly faultedOn: Set<PeerId>
  failures: number
  losses: number
  state: 'waiting' | 'running' | 'committed'
}

export interface MapTaskState extends TaskBase {
  readonly stage: 'map'
  readonly shard: ShardInfo
  output: MapOutput | undefined
  /** Went with its peer, or could not be fetched. It counts still if every reduce had what it needs of it. */
  lostOutput: MapOutput | undefined
}

interface MapOutput {
  readonly attempt: Attempt
  readonly answer: MapAnswer
}

export interface ReduceTaskState extends TaskBase {
  readonly stage: 'reduce'
  output:
    | { readonly attempt: Attempt; readonly answer: ReduceAnswer; readonly bytes: ArrayBuffer }
    | undefined
}

export type TaskState = MapTaskState | ReduceTaskState

export function createMapTask(index: number, shard: ShardInfo): MapTaskState {
  return { ...createBase(index), stage: 'map', shard, output: undefined, lostOutput: undefined }
}

export function createReduceTask(index: number): ReduceTaskState {
  return { ...createBase(index), stage: 'reduce', output: undefined }
}

function createBase(index: number): TaskBase {
  return {
    index,
    attempts: [],
    failedOn: new Set(),
    faultedOn: new Set(),
    failures: 0,
    losses: 0,
    state: 'waiting',
  }
}

/** Ends an attempt in the books; aborting its request is the caller's. */
export function endAttempt(
  attempt: Attempt,
  state: 'committed' | 'failed' | 'discarded',
  nowMs: number,
  reason?: string,
): void {
  attempt.state = state
  attempt.endedMs = nowMs
  if (reason !== undefined) attempt.reason = reason
}

export function runningAttempts(task: TaskState): Attempt[] {
  return task.attempts.filter((attempt) => attempt.state === 'running')
}

export function taskView(task: TaskState, hasFailed: boolean): TaskView {
  const recordsRead = task.stage === 'map' ? (task.output?.answer.recordsRead ?? 0) : 0
  return {
    id: `${task.stage}-${task.index}`,
    stage: task.stage,
    state: hasFailed ? 'failed' : task.state,
    ...(task.stage === 'map' ? { shardId: task.shard.id } : {}),
    records: recordsRead,
    attempts: task.attempts.map(attemptView),
  }
}

function attemptView({ peer, state, locality, reason, startedMs, endedMs }: Attempt): AttemptView {
  return {
    peer,
    state,
    locality,
    startedMs,
    ...(reason === undefined ? {} : { reason }),
    ...(endedMs === undefined ? {} : { endedMs }),
  }
}
