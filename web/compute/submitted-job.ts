import { abortable, type Clock, type JobId, Listeners, option, reasonText, Stream } from '../base/index.ts'
import type { ShardSource } from '../data/index.ts'
import type { Room } from '../mesh/index.ts'
import {
  type Job,
  type JobCounters,
  JobError,
  type JobKey,
  type JobProgress,
  type JobSnapshot,
  type JobState,
  type MapReduceOptions,
} from './job.ts'
import { JobRun } from './job-run.ts'
import { checkNames, datasetName, datasetOf, resolveSpec } from './options.ts'
import { type TaskState, taskView } from './task.ts'
import type { WorkerPeer } from './worker.ts'

/** Listeners hear of changes no more often than this; of the end at once. */
const NOTIFY_MS = 50
const PROGRESS_CAPACITY = 64

export interface SubmittedJobPorts {
  readonly room: Room
  readonly shards: ShardSource
  readonly clock: Clock
  readonly worker: WorkerPeer
}

/** A job as its submitter sees it. */
export class SubmittedJob implements Job {
  readonly id: JobId
  readonly #clock: Clock
  readonly #dataset: string
  readonly #startedAt: number
  readonly #startedMs: number
  readonly #listeners = new Listeners<[]>()
  readonly #result: Promise<readonly (readonly [JobKey, unknown])[]>
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = () => this.cancel(String(this.#signal?.reason ?? 'aborted'))
  #run: JobRun | undefined
  #error: JobError | undefined
  #endedMs: number | undefined
  #snapshot: JobSnapshot | undefined
  #cancelNotify: (() => void) | undefined

  constructor(id: JobId, options: MapReduceOptions, ports: SubmittedJobPorts) {
    this.id = id
    this.#clock = ports.clock
    this.#startedAt = ports.clock.wall()
    this.#startedMs = ports.clock.now()
    this.#dataset = nameOrNothing(options)
    this.#signal = options?.signal instanceof AbortSignal ? options.signal : undefined
    try {
      this.#run = this.#begin(options, ports)
    } catch (error) {
      this.#error =
        error instanceof JobError ? error : new JobError('bad-option', reasonText(error), { cause: error })
    }
    this.#result = this.#run?.finished ?? Promise.reject(this.#error)
    this.#result.then(
      () => this.#onEnd(undefined),
      (error: JobError) => this.#onEnd(error),
    )
    if (this.#signal?.aborted) this.#onAbort()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get isRunning(): boolean {
    return this.#endedMs === undefined
  }

  getSnapshot(): JobSnapshot {
    this.#snapshot ??= this.#makeSnapshot()
    return this.#snapshot
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  progress(): AsyncIterable<JobProgress> {
    const stream = new Stream<JobProgress>({
      capacity: PROGRESS_CAPACITY,
      overflow: 'drop-oldest',
      onEnd: () => unsubscribe(),
    })
    const push = () => {
      stream.push(this.#progress())
      if (!this.isRunning) stream.end()
    }
    const unsubscribe = this.subscribe(push)
    push()
    return stream
  }

  async result(options: { signal?: AbortSignal } = {}): Promise<readonly (readonly [JobKey, unknown])[]> {
    const { signal } = option.names('result', options, ['signal'])
    option.signal('signal', signal)
    return abortable(this.#result, signal)
  }

  cancel(reason = 'cancelled'): void {
    this.#run?.fail(new JobError('cancelled', `the job was cancelled: ${reason}`), 'cancelled')
  }

  #begin(options: MapReduceOptions, ports: SubmittedJobPorts): JobRun {
    checkNames(options)
    const manifest = ports.shards.manifest(datasetOf(options))
    const workers = ports.room.members().filter((member) => member.slots > 0 || member.isSelf).length
    const spec = resolveSpec(options, this.id, manifest, workers)
    return new JobRun({
      ...ports,
      spec,
      inputs: manifest?.shards ?? [],
      isThere: () => manifest === undefined || ports.shards.manifest(manifest) !== undefined,
      onChange: () => this.#onChange(),
    })
  }

  #onChange(): void {
    this.#snapshot = undefined
    this.#cancelNotify ??= this.#clock.after(NOTIFY_MS, () => {
      this.#cancelNotify = undefined
      this.#listeners.emit()
    })
  }

  #onEnd(error: JobError | undefined): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#error = error
    this.#endedMs = this.#clock.now()
    this.#snapshot = undefined
    this.#cancelNotify?.()
    this.#cancelNotify = undefined
    this.#listeners.emit()
  }

  #progress(): JobProgress {
    const maps = this.#run?.maps ?? []
    const reduces = this.#run?.reduces ?? []
    return {
      state: this.#state(),
      maps: maps.length,
      mapsDone: committed(maps),
      reduces: reduces.length,
      reducesDone: committed(reduces),
    }
  }

  #makeSnapshot(): JobSnapshot {
    const tasks: TaskState[] = this.#run ? [...this.#run.maps, ...this.#run.reduces] : []
    return {
      id: this.id,
      state: this.#state(),
      dataset: this.#dataset,
      tasks: tasks.map((task) => taskView(task, task === this.#run?.failedTask)),
      counters: this.#counters(tasks),
      startedAt: this.#startedAt,
      elapsedMs: (this.#endedMs ?? this.#clock.now()) - this.#startedMs,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    }
  }

  #state(): JobState {
    return this.#run?.state ?? 'failed'
  }

  #counters(tasks: readonly TaskState[]): JobCounters {
    const user = new Map<string, number>()
    const counters = { tasksLocal: 0, tasksMoved: 0, recordsRead: 0, attemptsFailed: 0 }
    for (const task of tasks) {
      counters.attemptsFailed += task.attempts.filter((attempt) => attempt.state === 'failed').length
      if (!task.output) continue
      for (const [name, n] of Object.entries(task.output.answer.counters))
        user.set(name, (user.get(name) ?? 0) + n)
      if (task.stage === 'reduce') continue
      counters.recordsRead += task.output.answer.recordsRead
      if (task.output.attempt.locality === 'local') counters.tasksLocal++
      else counters.tasksMoved++
    }
    return { ...counters, bytesMoved: this.#run?.bytesMoved ?? 0, user: Object.fromEntries(user) }
  }
}

function committed(tasks: readonly TaskState[]): number {
  return tasks.filter((task) => task.state === 'committed').length
}

function nameOrNothing(options: MapReduceOptions): string {
  try {
    return datasetName(options)
  } catch {
    // The job fails with this very error; its snapshot has no name to show.
    return ''
  }
}
