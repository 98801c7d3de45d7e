import { type Clock, type JobId, Listeners, type Random, randomToken } from '../base/index.ts'
import type { ShardSource } from '../data/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Store } from '../storage/index.ts'
import { ComputeError } from './errors.ts'
import type { Job, Jobs, MapReduceOptions } from './job.ts'
import {
  CLOSE_CHANNEL,
  METHOD,
  parseFetchRequest,
  parseJobSpec,
  parseMapRequest,
  parseReduceRequest,
} from './messages.ts'
import type { SandboxFactory } from './sandbox/port.ts'
import { SubmittedJob } from './submitted-job.ts'
import { WorkMarks } from './work-marks.ts'
import { WorkerPeer } from './worker.ts'

const MAX_LISTED = 50

export interface ComputeOptions {
  readonly room: Room
  readonly shards: ShardSource
  readonly sandboxes: SandboxFactory
  readonly clock: Clock
  readonly random: Random
  /** Opened with {@link COMPUTE_TABLES}. Without it, a job that took the tab down is taken again. */
  readonly store?: Store
  /** Attempts that run here at once. Default 1. */
  readonly slots?: number
  /** False: refuses others' jobs. Default true. */
  readonly takesWork?: boolean
}

export interface Compute {
  readonly jobs: Jobs
  /** False ends others' work here and refuses more; the room's profile is the caller's to change. */
  setTakesWork(takesWork: boolean): void
  /** Cancels own jobs, ends others' work and the sandboxes. Idempotent. */
  close(): void
}

/** The execution layer of one node. Serves its methods on the room from now until `close`. */
export function createCompute(options: ComputeOptions): Compute {
  const { room, shards, sandboxes, clock, random } = options
  const listeners = new Listeners<[]>()
  const marks = new WorkMarks(options.store, clock)
  const worker = new WorkerPeer({ room, shards, sandboxes, clock, slots: options.slots ?? 1, marks }, () =>
    listeners.emit(),
  )
  worker.takesWork = options.takesWork ?? true
  const submitted: SubmittedJob[] = []
  const ends = serve(room, worker, (jobId) => submitted.some((job) => job.id === jobId && job.isRunning))

  let isClosed = false

  function mapReduce(jobOptions: MapReduceOptions): Job {
    const id = randomToken(random) as JobId
    const job = new SubmittedJob(id, jobOptions, { room, shards, clock, worker })
    submitted.unshift(job)
    forgetOldest()
    job.subscribe(() => listeners.emit())
    if (isClosed) job.cancel('this node has ended')
    listeners.emit()
    return job
  }

  /** Running ones stay, however many: they are asked for by peers, and cancelled when the node ends. */
  function forgetOldest(): void {
    while (submitted.length > MAX_LISTED) {
      const oldest = submitted.findLastIndex((job) => !job.isRunning)
      if (oldest < 0) return
      submitted.splice(oldest, 1)
    }
  }

  const jobs: Jobs = {
    mapReduce,
    list: () => [...submitted],
    locality: (dataset) => localityOf(shards, room, dataset),
    running: () => worker.running(),
    stop: (jobId) => worker.stop(jobId),
    subscribe: (listener) => listeners.add(listener),
  }
  return {
    jobs,
    setTakesWork(takesWork) {
      worker.takesWork = takesWork
      if (!takesWork) worker.stopOthers()
    },
    close() {
      isClosed = true
      for (const end of ends.splice(0)) end()
      for (const job of submitted) job.cancel('this node has ended')
      worker.end()
    },
  }
}

function serve(room: Room, worker: WorkerPeer, isRunning: (jobId: unknown) => boolean): (() => void)[] {
  return [
    room.serve(METHOD.open, async (body, { from }) => {
      await worker.open(from, parsed(parseJobSpec(body)))
      return null
    }),
    room.serve(METHOD.map, async (body, { from, signal }) => ({
      ...(await worker.map(from, parsed(parseMapRequest(body)), signal)),
    })),
    room.serve(METHOD.reduce, async (body, { from, signal }) => ({
      ...(await worker.reduce(from, parsed(parseReduceRequest(body)), signal)),
    })),
    room.serve(METHOD.fetch, (body) => worker.serveFetch(parsed(parseFetchRequest(body)))),
    room.serve(METHOD.alive, (body) => isRunning(body)),
    room.onNotify(CLOSE_CHANNEL, (body, from) => {
      if (typeof body === 'string') worker.close(from, body as JobId)
    }),
  ]
}

function parsed<T>(request: T | undefined): T {
  if (request === undefined) throw new ComputeError('bad-message', 'the request is malformed')
  return request
}

function localityOf(shards: ShardSource, room: Room, dataset: string) {
  const inputs = shards.manifest(dataset)?.shards ?? []
  const canWork = new Set(
    room.members().flatMap((member) => (member.slots > 0 || member.isSelf ? [member.peerId] : [])),
  )
  const moved = inputs.filter((shard) => !shards.holders(shard.id).some((holder) => canWork.has(holder)))
  return {
    shards: inputs.length,
    local: inputs.length - moved.length,
    bytesToMove: moved.reduce((sum, shard) => sum + shard.bytes, 0),
  }
}
