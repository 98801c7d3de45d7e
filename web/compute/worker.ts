import { type Clock, every, type JobId, type PeerId, reasonText } from '../base/index.ts'
import type { ShardSource } from '../data/index.ts'
import type { MembershipChange, Room } from '../mesh/index.ts'
import { ComputeError, SandboxError } from './errors.ts'
import { Gate } from './gate.ts'
import { HostedJob, type HostedShare } from './hosted-job.ts'
import type { RunningWork } from './job.ts'
import {
  CREDIT_PER_SLOT,
  INLINE_MAP_BYTES,
  INLINE_RESULT_BYTES,
  MAX_JOBS_PER_SUBMITTER,
  MAX_OUTPUT_BYTES,
  PIECE_BYTES,
} from './limits.ts'
import {
  type FaultAnswer,
  type FetchRequest,
  type JobSpec,
  type LostAnswer,
  type MapAnswer,
  type MapRequest,
  METHOD,
  type ReduceAnswer,
  type ReduceRequest,
} from './messages.ts'
import type { GuestResult, GuestTask, SandboxFactory } from './sandbox/port.ts'
import { createFetch, type Fetch, gather } from './shuffle.ts'
import type { WorkMarks } from './work-marks.ts'

const IDLE_MS = 30_000

export interface WorkerOptions {
  readonly room: Room
  readonly shards: ShardSource
  readonly sandboxes: SandboxFactory
  readonly clock: Clock
  readonly slots: number
  /** Remembers what was at work when the tab died. */
  readonly marks: WorkMarks
}

/**
 * This node's work for jobs, its own and others'. Everything of a job ends when its submitter says so, leaves, or is
 * not heard of for a while.
 */
export class WorkerPeer {
  /** Others' jobs are refused when false; the node's own still run here. */
  takesWork = true
  readonly fetch: Fetch
  readonly #options: WorkerOptions
  readonly #onChange: () => void
  readonly #jobs = new Map<string, HostedJob>()
  /** Stopped here by a person: not taken again. */
  readonly #stopped = new Set<string>()
  readonly #gate: Gate
  readonly #readers: Gate
  readonly #share: HostedShare = { keptBytes: 0 }
  readonly #ends: (() => void)[]

  constructor(options: WorkerOptions, onChange: () => void) {
    this.#options = options
    this.#onChange = onChange
    this.#gate = new Gate(options.slots)
    this.#readers = new Gate(options.slots * CREDIT_PER_SLOT)
    this.fetch = createFetch(options.room, (request) => this.serveFetch(request))
    this.#ends = [
      options.room.onMembership((change) => this.#onMembership(change)),
      every(options.clock, IDLE_MS, () => this.#askIdle()),
    ]
  }

  get slots(): number {
    return this.#options.slots
  }

  /** Idempotent. Rejects with `refused` or `leaks`. */
  async open(from: PeerId, spec: JobSpec): Promise<void> {
    const key = keyOf(from, spec.jobId)
    const job = this.#jobs.get(key) ?? this.#take(key, from, spec)
    try {
      await job.ready()
    } catch (error) {
      this.#end(key, new ComputeError('closed', 'the sandbox did not open'))
      if (error instanceof SandboxError && error.code === 'leaks')
        throw new ComputeError('leaks', error.message)
      throw error
    }
  }

  /** Rejects with a ComputeError, or with `signal.reason`. */
  async map(from: PeerId, request: MapRequest, signal: AbortSignal): Promise<MapAnswer | FaultAnswer> {
    return this.#attempt(from, request.jobId, signal, async (job, ended) => {
      // The next shard is read while the one before it is worked on, but no more than the scheduler's credit.
      const outcome = await this.#readers.run(ended, async () => {
        const { bytes, bytesMoved } = await this.#read(request, ended)
        const { format, params, partitions } = job.spec
        const task: GuestTask = {
          kind: 'map',
          bytes,
          format,
          partitions,
          params,
          maxOutputBytes: MAX_OUTPUT_BYTES,
        }
        return { ...(await this.#gate.run(ended, () => runTask(job, task, ended))), bytesMoved }
      })
      return outcome.fault
        ? { type: 'fault', fault: outcome.fault }
        : mapAnswer(job, request, outcome.result, outcome.bytesMoved)
    })
  }

  /** Rejects with a ComputeError, or with `signal.reason`. */
  async reduce(
    from: PeerId,
    request: ReduceRequest,
    signal: AbortSignal,
  ): Promise<ReduceAnswer | FaultAnswer | LostAnswer> {
    return this.#attempt(from, request.jobId, signal, async (job, ended) => {
      const base = { submitter: from, jobId: request.jobId, bucket: request.partition }
      const { buckets, bytesMoved, lost } = await gather(
        this.fetch,
        this.#options.room.self.peerId,
        base,
        request.inputs,
        ended,
      )
      if (lost.length > 0) return { type: 'lost', tasks: lost }
      const task: GuestTask = {
        kind: 'reduce',
        buckets,
        params: job.spec.params,
        maxOutputBytes: MAX_OUTPUT_BYTES,
      }
      const outcome = await this.#gate.run(ended, () => runTask(job, task, ended))
      return outcome.fault
        ? { type: 'fault', fault: outcome.fault }
        : reduceAnswer(job, request, outcome.result, bytesMoved)
    })
  }

  /** Throws a ComputeError `no-such-job` or `input-lost`. */
  serveFetch(request: FetchRequest): ArrayBuffer {
    const job = this.#job(request.submitter, request.jobId)
    const output = job.output(request)
    if (!output) throw new ComputeError('input-lost', 'this output is not kept here')
    return output.slice(request.offset, request.offset + PIECE_BYTES)
  }

  /** The submitter has ended the job. */
  close(from: PeerId, jobId: JobId): void {
    this.#end(keyOf(from, jobId), new ComputeError('closed', 'the job has ended'))
  }

  /** A person has ended the job here. */
  stop(jobId: JobId): void {
    for (const [key, job] of [...this.#jobs]) {
      if (job.spec.jobId !== jobId) continue
      this.#stopped.add(key)
      this.#end(key, new ComputeError('refused', 'the job was stopped on this device'))
    }
  }

  /** Ends every job of others. */
  stopOthers(): void {
    const self = this.#options.room.self.peerId
    for (const [key, job] of [...this.#jobs]) {
      if (job.submitter !== self) this.#end(key, new ComputeError('refused', 'this device takes no work'))
    }
  }

  running(): readonly RunningWork[] {
    const self = this.#options.room.self.peerId
    return [...this.#jobs.values()]
      .filter((job) => job.submitter !== self)
      .map(({ spec, submitter, attempts }) => ({
        jobId: spec.jobId,
        submitter,
        dataset: spec.dataset,
        attempts,
      }))
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end()
    for (const key of [...this.#jobs.keys()])
      this.#end(key, new ComputeError('closed', 'this node has ended'))
  }

  #take(key: string, from: PeerId, spec: JobSpec): HostedJob {
    const isOwn = from === this.#options.room.self.peerId
    if (!isOwn && !this.takesWork) throw new ComputeError('refused', 'this device takes no work')
    if (this.#stopped.has(key)) throw new ComputeError('refused', 'the job was stopped on this device')
    const taken = [...this.#jobs.values()].filter((job) => job.submitter === from).length
    if (!isOwn && taken >= MAX_JOBS_PER_SUBMITTER)
      throw new ComputeError(
        'refused',
        `this device has as many jobs of yours as it takes (${MAX_JOBS_PER_SUBMITTER})`,
      )
    const { sandboxes, slots, clock } = this.#options
    const allowed = this.#mark(key)
    const job = new HostedJob(from, spec, {
      sandboxes,
      slots,
      share: this.#share,
      nowMs: clock.now(),
      allowed,
    })
    this.#jobs.set(key, job)
    this.#widen()
    this.#onChange()
    return job
  }

  async #mark(key: string): Promise<void> {
    const { marks } = this.#options
    await marks.ready
    if (marks.isSuspect(key)) {
      throw new ComputeError(
        'refused',
        'this tab ended without a word while it ran this job, so it does not run it again',
      )
    }
    await marks.begin(key)
  }

  async #attempt<T>(
    from: PeerId,
    jobId: JobId,
    signal: AbortSignal,
    work: (job: HostedJob, ended: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const job = this.#job(from, jobId)
    const ended = AbortSignal.any([signal, job.signal])
    job.lastHeardMs = this.#options.clock.now()
    job.attempts++
    this.#onChange()
    try {
      return await work(job, ended)
    } finally {
      job.attempts--
      job.lastHeardMs = this.#options.clock.now()
      this.#onChange()
    }
  }

  async #read(
    { shardId }: MapRequest,
    signal: AbortSignal,
  ): Promise<{ bytes: ArrayBuffer; bytesMoved: number }> {
    try {
      return await this.#options.shards.read(shardId, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new ComputeError('unreadable', `the shard could not be read: ${reasonText(error)}`)
    }
  }

  #job(from: PeerId, jobId: JobId): HostedJob {
    const job = this.#jobs.get(keyOf(from, jobId))
    if (!job) throw new ComputeError('no-such-job', 'this job is not known here')
    return job
  }

  #end(key: string, reason: ComputeError): void {
    const job = this.#jobs.get(key)
    if (!job) return
    this.#jobs.delete(key)
    job.end(reason)
    this.#widen()
    void this.#options.marks.end(key)
    this.#onChange()
  }

  /** A job alone here is handed its next tasks while the ones before run; several take turns. */
  #widen(): void {
    this.#gate.width = this.#options.slots * (this.#jobs.size > 1 ? 1 : CREDIT_PER_SLOT)
  }

  /** A submitter that came back as a new session has forgotten its jobs. */
  #onMembership({ gone, joined }: MembershipChange): void {
    const forgotten = new Set([
      ...gone.map(({ member }) => member.peerId),
      ...joined.map((member) => member.peerId),
    ])
    for (const [key, job] of [...this.#jobs]) {
      if (forgotten.has(job.submitter)) this.#end(key, new ComputeError('closed', 'the submitter has gone'))
    }
  }

  /** The notification that a job has ended may be lost with its link. */
  #askIdle(): void {
    const { room, clock } = this.#options
    for (const [key, job] of this.#jobs) {
      if (job.attempts > 0 || job.submitter === room.self.peerId || clock.now() - job.lastHeardMs < IDLE_MS)
        continue
      const asked = room.request(job.submitter, METHOD.alive, job.spec.jobId, { timeoutMs: IDLE_MS })
      asked.then(
        (isAlive) => {
          if (isAlive !== true) this.#end(key, new ComputeError('closed', 'the job has ended'))
        },
        () => this.#end(key, new ComputeError('closed', 'the submitter does not answer')),
      )
    }
  }
}

type Outcome =
  | { readonly result: GuestResult; readonly fault?: undefined }
  | { readonly result?: undefined; readonly fault: FaultAnswer['fault'] }

async function runTask(job: HostedJob, task: GuestTask, signal: AbortSignal): Promise<Outcome> {
  try {
    return { result: await job.run(task, signal) }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof SandboxError && error.fault) return { fault: error.fault }
    throw error
  }
}

function mapAnswer(
  job: HostedJob,
  { task, attempt }: MapRequest,
  result: GuestResult,
  bytesMoved: number,
): MapAnswer {
  const { buckets, ...told } = result
  const sizes = buckets.map((bucket) => bucket.byteLength)
  const answer: MapAnswer = { type: 'mapped', sizes, ...told, bytesMoved }
  if (sizes.reduce((sum, size) => sum + size, 0) <= INLINE_MAP_BYTES) return { ...answer, inline: buckets }
  job.keep('map', task, attempt, buckets)
  return answer
}

function reduceAnswer(
  job: HostedJob,
  { partition, attempt }: ReduceRequest,
  result: GuestResult,
  bytesMoved: number,
): ReduceAnswer {
  const [bucket = new ArrayBuffer(0)] = result.buckets
  const answer: ReduceAnswer = {
    type: 'reduced',
    bytes: bucket.byteLength,
    counters: result.counters,
    bytesMoved,
  }
  if (bucket.byteLength <= INLINE_RESULT_BYTES) return { ...answer, inline: bucket }
  job.keep('reduce', partition, attempt, [bucket])
  return answer
}

function keyOf(submitter: PeerId, jobId: JobId): string {
  return `${submitter}/${jobId}`
}
