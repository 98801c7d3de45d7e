import { type Clock, every, type PeerId, reasonText } from '../base/index.ts'
import type { ShardInfo, ShardSource } from '../data/index.ts'
import type { Room } from '../mesh/index.ts'
import { failureOf, JobCalls } from './calls.ts'
import { jobErrorOf, tooLarge } from './failure.ts'
import { JobError, type JobKey, type JobState } from './job.ts'
import { MAX_ATTEMPTS, MAX_KEPT_BYTES, MAX_LOST_ATTEMPTS, MAX_OUTPUT_BYTES, MISSING_MS } from './limits.ts'
import type { FaultAnswer, JobSpec, LostAnswer, MapAnswer, ReduceAnswer, ReduceInput } from './messages.ts'
import { PeerLedger } from './peer-ledger.ts'
import { mergeResults } from './result.ts'
import { partitionOf } from './sandbox/keys.ts'
import type { LongestList } from './sandbox/longest.ts'
import { type Assignment, assign, type SchedulablePeer, type SchedulableTask } from './scheduler.ts'
import {
  type Attempt,
  type AttemptFailure,
  createMapTask,
  createReduceTask,
  endAttempt,
  type MapTaskState,
  type ReduceTaskState,
  runningAttempts,
  type TaskState,
} from './task.ts'
import type { WorkerPeer } from './worker.ts'

const TICK_MS = 500
/** Waiting tasks that the scheduler looks at: a bound for jobs of many thousand tasks. */
const WINDOW = 1024

export interface JobRunOptions {
  readonly room: Room
  readonly shards: ShardSource
  readonly clock: Clock
  readonly worker: WorkerPeer
  readonly spec: JobSpec
  readonly inputs: readonly ShardInfo[]
  /** False once the dataset has been dropped. */
  readonly isThere: () => boolean
  /** Something that a snapshot shows has changed. */
  readonly onChange: () => void
}

/**
 * Carries one job through on its submitter: asks the scheduler which attempts to start, starts them, and commits the
 * first valid answer of each task. Ends by resolving or rejecting `finished`, once.
 */
export class JobRun {
  readonly finished: Promise<readonly (readonly [JobKey, unknown])[]>
  readonly maps: readonly MapTaskState[]
  readonly reduces: readonly ReduceTaskState[]
  state: JobState = 'waiting'
  bytesMoved = 0
  /** The task whose failure ended the job. */
  failedTask: TaskState | undefined
  readonly #options: JobRunOptions
  readonly #calls: JobCalls
  readonly #peers: PeerLedger
  readonly #done = { map: 0, reduce: 0 }
  readonly #durations: Record<'map' | 'reduce', number[]> = { map: [], reduce: [] }
  readonly #ends: (() => void)[]
  /** Set in the constructor, by the promise's executor. */
  #settle!: {
    resolve: (pairs: readonly (readonly [JobKey, unknown])[]) => void
    reject: (error: JobError) => void
  }
  readonly #partitionBytes: number[] = []
  #lastFault:
    | { readonly task: TaskState; readonly attempt: Attempt; readonly failure: AttemptFailure }
    | undefined
  #missingSinceMs: number | undefined
  #idleSinceMs: number | undefined

  constructor(options: JobRunOptions) {
    const { room, shards, clock, spec, inputs } = options
    this.#options = options
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#peers = new PeerLedger(room, clock, options.worker.slots)
    this.#calls = new JobCalls(room, options.worker, spec)
    this.maps = inputs.map((shard, index) => createMapTask(index, shard))
    this.reduces = Array.from({ length: spec.partitions }, (_, index) => createReduceTask(index))
    this.#ends = [
      room.onMembership((change) => this.#onGone(change.gone.map(({ member }) => member.peerId))),
      room.onMembership((change) => this.#onReturn(change.joined.map((member) => member.peerId))),
      shards.onChange(() => this.#advance()),
      every(clock, TICK_MS, () => this.#advance()),
    ]
    this.#advance()
  }

  /** Ends the job with `error` unless it has ended. */
  fail(error: JobError, state: 'failed' | 'cancelled' = 'failed'): void {
    if (this.#hasEnded) return
    this.#end(state)
    this.#settle.reject(error)
  }

  get #hasEnded(): boolean {
    return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled'
  }

  /** Starts whatever can start. Called after everything that may have made a difference. */
  #advance(): void {
    if (this.#hasEnded) return
    if (!this.#options.isThere()) {
      this.fail(dropped(this.#options.spec.dataset))
      return
    }
    const tasks = this.#stage()
    if (tasks === undefined) {
      this.#finish()
      return
    }
    const peers = this.#peers.workers()
    const nowMs = this.#options.clock.now()
    const { stage } = tasks[0] as TaskState
    const medianMs = medianOf(this.#durations[stage])
    const schedulable = this.#window(tasks)
    const wasWaiting = this.state
    this.state = stage === 'map' ? 'mapping' : 'reducing'
    const assignments = assign(schedulable, peers, { nowMs, medianMs })
    for (const assignment of assignments) this.#start(tasks[assignment.index] as TaskState, assignment)
    this.#checkStall(schedulable, peers, nowMs)
    if (assignments.length > 0 || wasWaiting !== this.state) this.#options.onChange()
  }

  /** The tasks of the stage that is under way; undefined when all is done. */
  #stage(): readonly TaskState[] | undefined {
    // What a lost mapper kept is needed no more once every reduce has its result.
    if (this.maps.length === 0 || this.#done.reduce === this.reduces.length) return undefined
    if (this.#done.map < this.maps.length) return this.maps
    return this.reduces
  }

  #window(tasks: readonly TaskState[]): SchedulableTask[] {
    let waiting = 0
    const open = tasks.filter(
      ({ state }) => state === 'running' || (state === 'waiting' && waiting++ < WINDOW),
    )
    return open.map((task) => this.#schedulable(task))
  }

  #schedulable(task: TaskState): SchedulableTask {
    return {
      index: task.index,
      isWaiting: task.state === 'waiting',
      holders: task.stage === 'map' ? this.#options.shards.holders(task.shard.id) : undefined,
      failedOn: task.failedOn,
      running: runningAttempts(task),
    }
  }

  #start(task: TaskState, { peer, locality }: Assignment): void {
    const attempt: Attempt = {
      n: task.attempts.length,
      peer,
      locality: task.stage === 'map' ? locality : 'local',
      startedMs: this.#options.clock.now(),
      controller: new AbortController(),
      state: 'running',
    }
    task.attempts.push(attempt)
    task.state = 'running'
    this.#peers.onStart(peer)
    const call = task.stage === 'map' ? this.#runMap(task, attempt) : this.#runReduce(task, attempt)
    call.catch((error: unknown) => this.#onFailure(task, attempt, failureOf(error)))
  }

  async #runMap(task: MapTaskState, attempt: Attempt): Promise<void> {
    const { jobId } = this.#options.spec
    const request = { jobId, task: task.index, attempt: attempt.n, shardId: task.shard.id }
    const answer = await this.#calls.map(attempt.peer, request, attempt.controller.signal)
    if (attempt.state !== 'running') return
    if (answer.type === 'fault') return this.#onFailure(task, attempt, faultFailure(answer))
    const full = this.#grow(answer, 1)
    if (full !== undefined) return this.#failFull(full, answer)
    this.#count(attempt.peer, answer)
    this.#commit(task, attempt, () => {
      task.output = { attempt, answer }
    })
  }

  async #runReduce(task: ReduceTaskState, attempt: Attempt): Promise<void> {
    const { jobId } = this.#options.spec
    const { signal } = attempt.controller
    const inputs = this.#inputsOf(task.index)
    const bytes = bytesOf(inputs)
    if (bytes > MAX_KEPT_BYTES) return this.fail(tooLarge(task.index, { bytes, bound: MAX_KEPT_BYTES }))
    const answer = await this.#calls.reduce(
      attempt.peer,
      { jobId, partition: task.index, attempt: attempt.n, inputs },
      signal,
    )
    if (attempt.state !== 'running') return
    if (answer.type === 'fault') return this.#onFailure(task, attempt, faultFailure(answer))
    if (answer.type === 'lost') return this.#onLostInputs(task, attempt, answer, inputs)
    const result = answer.inline ?? (await this.#fetchResult(task, attempt, answer))
    if (attempt.state !== 'running') return
    this.#count(attempt.peer, answer)
    this.#commit(task, attempt, () => {
      task.output = { attempt, answer, bytes: result }
    })
  }

  /** What one partition may have: without a reduce it is the result of one task. */
  get #bound(): number {
    return this.#options.spec.code.reduce === undefined ? MAX_OUTPUT_BYTES : MAX_KEPT_BYTES
  }

  /** Adds a map task's output, or takes it away. A partition that has become too large: told now, not when all is mapped. */
  #grow({ sizes }: MapAnswer, sign: 1 | -1): number | undefined {
    for (const [index, size] of sizes.entries())
      this.#partitionBytes[index] = (this.#partitionBytes[index] ?? 0) + sign * size
    const full = this.#partitionBytes.findIndex((bytes) => bytes > this.#bound)
    return full < 0 ? undefined : full
  }

  #failFull(partition: number, last: MapAnswer): void {
    const answers = [...this.maps.flatMap(({ output }) => output?.answer ?? []), last]
    const { partitions } = this.#options.spec
    const longest = longestIn(answers, (key) => partitionOf(key, partitions) === partition)
    const bytes = this.#partitionBytes[partition] ?? 0
    this.fail(tooLarge(partition, { bytes, bound: this.#bound, longest }))
  }

  #inputsOf(partition: number): ReduceInput[] {
    return this.maps.flatMap(({ index, output }): ReduceInput[] => {
      const bytes = output?.answer.sizes[partition] ?? 0
      if (!output || bytes === 0) return []
      const inline = output.answer.inline?.[partition]
      return inline
        ? [{ inline }]
        : [{ peer: output.attempt.peer, task: index, attempt: output.attempt.n, bytes }]
    })
  }

  #fetchResult(task: ReduceTaskState, attempt: Attempt, { bytes }: ReduceAnswer): Promise<ArrayBuffer> {
    const { spec, room } = this.#options
    const request = {
      submitter: room.self.peerId,
      jobId: spec.jobId,
      stage: 'reduce' as const,
      task: task.index,
      attempt: attempt.n,
      bucket: 0,
      offset: 0,
    }
    return this.#calls.fetch(attempt.peer, request, bytes, attempt.controller.signal)
  }

  #count(peer: PeerId, answer: MapAnswer | ReduceAnswer): void {
    this.bytesMoved += answer.bytesMoved
    if (peer === this.#options.room.self.peerId) return
    if (answer.type === 'reduced') this.bytesMoved += answer.bytes
    else for (const bucket of answer.inline ?? []) this.bytesMoved += bucket.byteLength
  }

  /** The first valid answer counts; the other attempts of the task are told to stop. */
  #commit(task: TaskState, attempt: Attempt, keep: () => void): void {
    const nowMs = this.#options.clock.now()
    keep()
    task.state = 'committed'
    this.#done[task.stage]++
    endAttempt(attempt, 'committed', nowMs)
    this.#peers.onEnd(attempt.peer)
    this.#durations[task.stage].push(nowMs - attempt.startedMs)
    for (const other of runningAttempts(task)) this.#discard(other, 'another attempt was first')
    this.#options.onChange()
    this.#advance()
  }

  #discard(attempt: Attempt, reason: string): void {
    endAttempt(attempt, 'discarded', this.#options.clock.now(), reason)
    this.#peers.onEnd(attempt.peer)
    attempt.controller.abort(new JobError('cancelled', reason))
  }

  #onFailure(task: TaskState, attempt: Attempt, failure: AttemptFailure): void {
    if (attempt.state !== 'running' || this.#hasEnded) return
    endAttempt(attempt, 'failed', this.#options.clock.now(), failure.reason)
    if (runningAttempts(task).length === 0 && task.state === 'running') task.state = 'waiting'
    this.#peers.onEnd(attempt.peer)
    this.#blame(task, attempt, failure)
    this.#options.onChange()
    if (this.#isHopeless(task)) this.#failWith(task, attempt, failure)
    else this.#advance()
  }

  #blame(task: TaskState, attempt: Attempt, failure: AttemptFailure): void {
    if (failure.kind === 'lost' || failure.kind === 'inputs') task.losses++
    if (failure.kind === 'inputs') return
    this.#peers.onFailure(attempt.peer, failure)
    if (failure.kind === 'lost') {
      this.#calls.forget(attempt.peer)
      return
    }
    this.#lastFault = { task, attempt, failure }
    if (failure.fault) task.faultedOn.add(attempt.peer)
    if (failure.refusal) return
    task.failures++
    task.failedOn.add(attempt.peer)
  }

  /** Code that fails on two peers, or on the only one, fails everywhere; so does a task that used up its attempts. */
  #isHopeless({ failures, losses, faultedOn }: TaskState): boolean {
    if (failures >= MAX_ATTEMPTS || losses >= MAX_LOST_ATTEMPTS || faultedOn.size >= 2) return true
    return faultedOn.size > 0 && !this.#peers.hasOthers(faultedOn)
  }

  #failWith(task: TaskState, attempt: Attempt, failure: AttemptFailure): void {
    this.failedTask = task
    this.fail(jobErrorOf(attempt.peer, failure, triesOf(task)))
  }

  /** The reducer could not fetch these: their tasks run again where the mapper has gone or does not have them. */
  #onLostInputs(
    task: ReduceTaskState,
    attempt: Attempt,
    { tasks }: LostAnswer,
    inputs: readonly ReduceInput[],
  ): void {
    const { room } = this.#options
    for (const input of inputs) {
      if ('inline' in input || !tasks.includes(input.task)) continue
      const map = this.maps[input.task]
      if (map?.output?.attempt.n !== input.attempt) continue
      // Both are here, so one of them has a fault or their link has: others are tried first, for either task.
      if (room.member(input.peer)) {
        map.failedOn.add(input.peer)
        task.failedOn.add(attempt.peer)
      }
      this.#loseOutput(map, 'its output could not be fetched')
    }
    this.#onFailure(task, attempt, {
      kind: 'inputs',
      reason: `the output of ${tasks.length} map tasks could not be fetched`,
    })
  }

  #loseOutput(task: MapTaskState, reason: string): void {
    const attempt = task.output?.attempt
    if (!attempt) return
    if (task.output) this.#grow(task.output.answer, -1)
    attempt.state = 'failed'
    attempt.reason = reason
    task.lostOutput = task.output
    task.output = undefined
    task.state = 'waiting'
    this.#done.map--
    task.losses++
  }

  #onGone(gone: readonly PeerId[]): void {
    if (gone.length === 0 || this.#hasEnded) return
    for (const peer of gone) {
      this.#calls.forget(peer)
      this.#loseOutputsOf(peer, 'the peer that kept its output has gone')
      for (const task of [...this.maps, ...this.reduces]) {
        for (const attempt of runningAttempts(task)) {
          if (attempt.peer !== peer) continue
          this.#onFailure(task, attempt, { kind: 'lost', reason: 'the peer has gone' })
          attempt.controller.abort(new JobError('cancelled', 'the peer has gone'))
        }
      }
    }
    this.#advance()
  }

  /** A peer that is back as a new session starts with nothing of the job, and with a clean record. */
  #onReturn(joined: readonly PeerId[]): void {
    for (const peer of joined) {
      this.#peers.forget(peer)
      this.#calls.forget(peer)
      this.#loseOutputsOf(peer, 'the peer that kept its output has started anew')
    }
    this.#advance()
  }

  /** What came inline is held here, and what every reduce has used is needed no more. */
  #loseOutputsOf(peer: PeerId, reason: string): void {
    if (this.#stage() === undefined) return
    for (const task of this.maps) {
      if (task.output?.attempt.peer === peer && !task.output.answer.inline) this.#loseOutput(task, reason)
    }
  }

  #checkStall(tasks: readonly SchedulableTask[], peers: readonly SchedulablePeer[], nowMs: number): void {
    if (this.#hasEnded) return
    const missing = tasks.filter((task) => task.isWaiting && task.holders?.length === 0).length
    this.#missingSinceMs = missing > 0 ? (this.#missingSinceMs ?? nowMs) : undefined
    if (this.#missingSinceMs !== undefined && nowMs - this.#missingSinceMs >= MISSING_MS) {
      this.fail(
        new JobError(
          'shards-missing',
          `${missing} of ${this.maps.length} shards were on no peer that is here for ${MISSING_MS / 1000} s; open the tabs that hold them and run the job again`,
        ),
      )
      return
    }
    this.#idleSinceMs = peers.length === 0 ? (this.#idleSinceMs ?? nowMs) : undefined
    const isStuck =
      this.#idleSinceMs !== undefined &&
      (nowMs - this.#idleSinceMs >= MISSING_MS || this.#peers.areAllLeftOut())
    if (isStuck) this.#failForWorkers()
  }

  #failForWorkers(): void {
    const last = this.#lastFault
    if (last && last.failure.refusal !== 'refused') {
      this.#failWith(last.task, last.attempt, last.failure)
      return
    }
    const waits = `the job waits ${MISSING_MS / 1000} s for one`
    const message = `no peer of this room takes work; ${waits}: switch it on in one of the tabs`
    this.fail(new JobError('no-workers', message))
  }

  #finish(): void {
    let pairs: readonly (readonly [JobKey, unknown])[]
    try {
      pairs = mergeResults(
        this.reduces.map((task) => task.output?.bytes ?? new ArrayBuffer(0)),
        this.#options.spec.code.reduce === undefined,
      )
    } catch (error) {
      const message = `a peer sent a result that cannot be read: ${reasonText(error)}`
      this.fail(new JobError('task-failed', message, { cause: error }))
      return
    }
    for (const task of this.maps) this.#restoreOutput(task)
    this.#end('done')
    this.#settle.resolve(pairs)
  }

  /** Every reduce had its part of what was lost, so that attempt did the task: it counts, as each task does once. */
  #restoreOutput(task: MapTaskState): void {
    const lost = task.lostOutput
    if (task.output || !lost) return
    lost.attempt.state = 'committed'
    delete lost.attempt.reason
    task.output = lost
    task.state = 'committed'
    this.#done.map++
  }

  #end(state: JobState): void {
    this.state = state
    for (const end of this.#ends.splice(0)) end()
    for (const task of [...this.maps, ...this.reduces]) {
      for (const attempt of runningAttempts(task)) this.#discard(attempt, 'the job has ended')
    }
    this.#calls.close()
    this.#options.onChange()
  }
}

/** Where it is the number of attempts that ends the job. */
function triesOf({ failures, losses }: TaskState): string | undefined {
  if (failures >= MAX_ATTEMPTS) return `the last of ${MAX_ATTEMPTS} attempts`
  if (losses >= MAX_LOST_ATTEMPTS) return `${MAX_LOST_ATTEMPTS} attempts were lost with their peers or links`
  return undefined
}

function faultFailure({ fault }: FaultAnswer): AttemptFailure {
  return { kind: 'fault', reason: fault.message, fault }
}

function bytesOf(inputs: readonly ReduceInput[]): number {
  return inputs.reduce((sum, input) => sum + ('inline' in input ? input.inline.byteLength : input.bytes), 0)
}

/** By what the tasks say of their longest lists. */
function longestIn(
  answers: readonly MapAnswer[],
  isMeant: (key: JobKey) => boolean,
): LongestList | undefined {
  const sums = new Map<JobKey, number>()
  for (const { longest } of answers)
    if (longest && isMeant(longest.key)) sums.set(longest.key, (sums.get(longest.key) ?? 0) + longest.values)
  const [first] = [...sums].sort((a, b) => b[1] - a[1])
  return first && { key: first[0], values: first[1] }
}

function dropped(name: string): JobError {
  return new JobError('dataset-dropped', `the dataset ${JSON.stringify(name)} was dropped while the job ran`)
}

function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
