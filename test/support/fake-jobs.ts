import type { JobId, PeerId } from '../../web/base/index.ts'
import {
  type AttemptView,
  type Job,
  JobError,
  type JobKey,
  type JobSnapshot,
  type Jobs,
  type MapReduceOptions,
  type RunningWork,
  type TaskView,
} from '../../web/compute/job.ts'
import { type FakeDataset, shardsOf } from './fake-data.ts'

interface FakeJobsOptions {
  readonly members: () => readonly PeerId[]
  readonly find: (name: string) => FakeDataset | undefined
  readonly running: () => readonly RunningWork[]
  /** Between two committed tasks. */
  readonly stepMs: number
}
type Emit = (key: JobKey, value: unknown) => void
type Pair = readonly [JobKey, unknown]

/** Jobs that really compute, in the page and without isolation, and show attempts on made-up peers. */
export function createFakeJobs(options: FakeJobsOptions): Jobs & { stopAll(): void } {
  const all: Job[] = []
  const listeners = new Set<() => void>()
  let stopped: readonly string[] = []
  const changed = () => {
    for (const listener of listeners) listener()
  }
  return {
    mapReduce: (request) => {
      const job = createFakeJob(request, options, all.length + 1)
      all.unshift(job)
      changed()
      return job
    },
    list: () => all,
    locality: (name) => {
      const dataset = options.find(name)
      const shards = dataset ? shardsOf(dataset, options.members()) : []
      const local = shards.filter((shard) => shard.holders.length > 0).length
      return {
        local,
        shards: shards.length,
        bytesToMove: shards
          .filter((shard) => shard.holders.length === 0)
          .reduce((sum, shard) => sum + shard.bytes, 0),
      }
    },
    running: () => options.running().filter((work) => !stopped.includes(work.jobId)),
    stop: (jobId) => {
      stopped = [...stopped, jobId]
      changed()
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stopAll: () => {
      for (const job of all) job.cancel('closed')
    },
  }
}

function createFakeJob(request: MapReduceOptions, options: FakeJobsOptions, number: number): Job {
  const name = typeof request.dataset === 'string' ? request.dataset : request.dataset.name
  const dataset = options.find(name)
  const startedAt = Date.now()
  const listeners = new Set<() => void>()
  const done = Promise.withResolvers<readonly Pair[]>()
  done.promise.catch(() => {
    // The page looks at the snapshot's error.
  })
  let snapshot: JobSnapshot = {
    id: `fakejob${number}x` as JobId,
    state: 'mapping',
    dataset: name,
    tasks: dataset ? tasksOf(dataset, options.members()) : [],
    counters: { tasksLocal: 0, tasksMoved: 0, bytesMoved: 0, recordsRead: 0, attemptsFailed: 0, user: {} },
    startedAt,
    elapsedMs: 0,
  }
  const update = (part: Partial<JobSnapshot>) => {
    snapshot = { ...snapshot, ...part, elapsedMs: Date.now() - startedAt }
    for (const listener of listeners) listener()
  }
  const fail = (error: JobError) => {
    update({ state: error.code === 'cancelled' ? 'cancelled' : 'failed', error })
    done.reject(error)
  }
  const isOver = () =>
    snapshot.state === 'done' || snapshot.state === 'failed' || snapshot.state === 'cancelled'
  const run = async () => {
    for (let at = 0; at < snapshot.tasks.length && !isOver(); at++) {
      update(stepped(snapshot, at, dataset, Date.now() - startedAt))
      await new Promise((next) => setTimeout(next, options.stepMs))
    }
    if (isOver() || !dataset) return
    const result = fold(request, dataset)
    update({ state: 'done' })
    done.resolve(result)
  }
  run().catch((cause: Error) => fail(faultOf(cause, options.members()[0] as PeerId, dataset)))
  return {
    id: snapshot.id,
    getSnapshot: () => snapshot,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    progress: async function* () {},
    result: () => done.promise,
    cancel: (reason = 'cancelled by you') => {
      if (!isOver()) fail(new JobError('cancelled', reason))
    },
  }
}

function tasksOf(dataset: FakeDataset, members: readonly PeerId[]): TaskView[] {
  const maps = shardsOf(dataset, members).map((shard, at) => ({
    id: `m${at}`,
    stage: 'map' as const,
    state: 'waiting' as const,
    shardId: shard.id,
    records: shard.records,
    attempts: [],
  }))
  const reduces = members.map((_, at) => ({
    id: `r${at}`,
    stage: 'reduce' as const,
    state: 'waiting' as const,
    records: 0,
    attempts: [],
  }))
  return [...maps, ...reduces].map((task, at) => ({
    ...task,
    attempts: [] as AttemptView[],
    ...(at < 0 ? {} : { peer: undefined }),
  }))
}

/** Task `at` commits, the next ones run; task 9 needed a second attempt. */
function stepped(
  snapshot: JobSnapshot,
  at: number,
  dataset: FakeDataset | undefined,
  nowMs: number,
): Partial<JobSnapshot> {
  const members = [
    ...new Set(dataset ? shardsOf(dataset, fakeMembers).flatMap((shard) => shard.holders) : []),
  ]
  const peerOf = (index: number) => members[index % Math.max(1, members.length)] as PeerId
  const tasks = snapshot.tasks.map((task, index): TaskView => {
    const locality = index % 23 === 11 ? 'moved' : 'local'
    const failed: AttemptView[] =
      index === 9
        ? [
            {
              peer: peerOf(index + 1),
              state: 'failed',
              locality,
              reason: 'the peer left',
              startedMs: 0,
              endedMs: 40,
            },
          ]
        : []
    if (index <= at)
      return {
        ...task,
        state: 'committed',
        attempts:
          task.state === 'committed'
            ? task.attempts
            : [
                ...failed,
                { peer: peerOf(index), state: 'committed', locality, startedMs: nowMs - 90, endedMs: nowMs },
              ],
      }
    if (index <= at + members.length)
      return {
        ...task,
        state: 'running',
        attempts: [...failed, { peer: peerOf(index), state: 'running', locality, startedMs: nowMs }],
      }
    return task
  })
  const committed = tasks.filter((task) => task.stage === 'map' && task.state === 'committed')
  const moved = committed.filter((task) => task.attempts.at(-1)?.locality === 'moved').length
  const isReducing = tasks[at]?.stage === 'reduce'
  return {
    state: isReducing ? 'reducing' : 'mapping',
    tasks,
    counters: {
      tasksLocal: committed.length - moved,
      tasksMoved: moved,
      bytesMoved: moved * 48_213 + (isReducing ? 18_400 : 0),
      recordsRead: committed.reduce((sum, task) => sum + task.records, 0),
      attemptsFailed: at > 9 ? 1 : 0,
      user: {},
    },
  }
}

/** The room's members for attempts; set by the fake node. */
let fakeMembers: readonly PeerId[] = []
export function setFakeMembers(members: readonly PeerId[]): void {
  fakeMembers = members
}

function fold(request: MapReduceOptions, dataset: FakeDataset): Pair[] {
  const groups = new Map<JobKey, unknown[]>()
  const emit: Emit = (key, value) => {
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  const context = { emit, count: () => undefined, params: request.params }
  const map = compile(request.map)
  for (const record of dataset.records) map(record, context)
  const reduce = request.reduce ? compile(request.reduce) : (_: unknown, values: unknown) => values
  const pairs = [...groups].map(([key, values]): Pair => [key, reduce(key, values, context)])
  return pairs.sort(([a], [b]) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  )
}

function compile(code: unknown): (...args: unknown[]) => unknown {
  return new Function(`return (${String(code)})`)() as (...args: unknown[]) => unknown
}

function faultOf(cause: Error, peer: PeerId, dataset: FakeDataset | undefined): JobError {
  return new JobError('task-failed', `The map function threw: ${cause.message}`, {
    peer,
    record: JSON.stringify(dataset?.records[3]),
    stack: `${cause.name}: ${cause.message}\n    at map (job:map:2:14)\n    at task (guest:1:1201)`,
    cause,
  })
}
