import { describe, expect, test } from 'vitest'
import type { DatasetId } from '../../web/base/index.ts'
import {
  COMPUTE_TABLES,
  type Job,
  JobError,
  type JobErrorCode,
  type MapContext,
  type MapReduceOptions,
  SandboxError,
} from '../../web/compute/index.ts'
import type { Dataset } from '../../web/data/index.ts'
import { MemoryDisk } from '../../web/storage/index.ts'
import { countWords, FAT_WORD_COUNT, JobRoom, type JobRoomOptions, WORD_COUNT } from '../support/job-room.ts'
import { createSimulation } from '../support/sim/index.ts'

const SHARDS = ['a b\n', 'b c\n', 'c a\n', 'a a\n']

async function roomOf(options: Partial<JobRoomOptions> = {}, copies = 2): Promise<JobRoom> {
  const room = new JobRoom(createSimulation(7), { tabs: 3, shards: SHARDS, ...options })
  await room.begin()
  room.spread(copies)
  return room
}

function submit(room: JobRoom, options: Partial<MapReduceOptions> = {}): Job {
  return room.at(0).compute.jobs.mapReduce({ ...WORD_COUNT, ...options })
}

function resultOf(room: JobRoom, job: Job, limitMs = 120_000) {
  return room.sim.settle(job.result(), limitMs, 'the job')
}

async function errorOf(room: JobRoom, job: Job, limitMs = 120_000): Promise<JobError> {
  const error = await resultOf(room, job, limitMs).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof JobError)) throw new Error(`the job did not fail with a JobError: ${error}`)
  return error
}

function attemptsOf(job: Job) {
  return job.getSnapshot().tasks.flatMap(({ attempts }) => attempts)
}

function leaks(): never {
  throw new SandboxError('leaks', 'the sandbox of this browser has a way out (fetch), so it runs no tasks')
}

function emitLine(line: string, ctx: MapContext) {
  ctx.emit(line.length, line)
}

function keyAndLines(key: number, lines: string[]) {
  return [key, ...lines]
}

describe('a job', () => {
  test('JOB34: runs where the shards are, and says so', async () => {
    const room = await roomOf()
    const job = submit(room)
    expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
    const { counters, state, tasks } = job.getSnapshot()
    expect(state).toBe('done')
    expect(counters).toMatchObject({ tasksLocal: 4, tasksMoved: 0, recordsRead: 4, attemptsFailed: 0 })
    for (const task of tasks) expect(task.attempts).toMatchObject([{ state: 'committed', locality: 'local' }])
    for (const task of tasks.filter(({ stage }) => stage === 'map')) {
      const holders = room.shards.holders(task.shardId as never, room.at(0).room)
      expect(holders).toContain(task.attempts[0]?.peer)
    }
  })

  test('JOB34: every peer that holds shards gets its share', async () => {
    const shards = Array.from({ length: 24 }, (_, i) => `w${i}\n`)
    const room = await roomOf({ shards, taskMs: () => 100 }, 3)
    const job = submit(room)
    await resultOf(room, job)
    const ran = job
      .getSnapshot()
      .tasks.filter(({ stage }) => stage === 'map')
      .map(({ attempts }) => attempts[0]?.peer)
    for (const { tab } of room.members)
      expect(ran.filter((peer) => peer === tab.peerId).length).toBeGreaterThanOrEqual(6)
  })

  test('JOB35: a shard is moved only when every holder failed it or takes no work', async () => {
    const room = await roomOf()
    room.at(1).compute.setTakesWork(false)
    for (let shard = 0; shard < SHARDS.length; shard++) {
      for (const { tab } of room.members) room.shards.remove(shard, tab.peerId)
      room.shards.place(shard, room.at(1).tab.peerId)
    }
    const job = submit(room)
    expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
    expect(job.getSnapshot().counters).toMatchObject({ tasksLocal: 0, tasksMoved: 4 })
    expect(job.getSnapshot().counters.bytesMoved).toBeGreaterThanOrEqual(16)
  })

  test('JOB36: large map output is fetched by the reducers, large results by the submitter', async () => {
    const shards = Array.from({ length: 4 }, (_, i) =>
      Array.from({ length: 400 }, (_, j) => `k${i * 400 + j}\n`).join(''),
    )
    const room = await roomOf({ shards })
    const job = submit(room, {
      ...FAT_WORD_COUNT,
      reduce: '(key, values) => key.repeat(1000)',
      partitions: 2,
    })
    const pairs = await resultOf(room, job)
    expect(pairs).toHaveLength(1600)
    expect(pairs.every(([key, value]) => value === String(key).repeat(1000))).toBe(true)
    expect(job.getSnapshot().counters.bytesMoved).toBeGreaterThan(2_000_000)
  })

  test('JOB37: the result is the same to the bit for any number of peers and partitions', async () => {
    const values = Array.from({ length: 8 }, (_, i) =>
      Array.from({ length: 50 }, (_, j) => `k${j % 7} ${1 / (i + j + 1)}\n`).join(''),
    )
    const results = new Set<string>()
    for (const [tabs, partitions] of [
      [1, 1],
      [2, 3],
      [4, 5],
    ] as const) {
      const room = await roomOf({ tabs, shards: values }, 1)
      const map = '(line, ctx) => { const [key, value] = line.split(" "); ctx.emit(key, Number(value)) }'
      results.add(JSON.stringify(await resultOf(room, submit(room, { map, partitions }))))
    }
    expect(results.size).toBe(1)
  })

  test.each<[string, Partial<MapReduceOptions>, JobErrorCode, string]>([
    ['a throw', { map: '(line) => { throw new RangeError("no " + line) }' }, 'task-failed', 'no '],
    [
      'a throw in reduce',
      { reduce: '() => { throw new Error("cannot fold") }' },
      'task-failed',
      'cannot fold',
    ],
    ['a syntax error', { map: '(line) => { oops oops }' }, 'code-error', 'oops'],
    ['a bad key', { map: '(line, ctx) => ctx.emit(NaN, 1)' }, 'bad-key', 'NaN'],
    ['a bad value', { map: '(line, ctx) => ctx.emit("k", () => 1)' }, 'bad-value', 'function'],
    [
      'a task that does not end',
      { map: '() => new Promise(() => {})', taskTimeoutMs: 500 },
      'task-timeout',
      '500 ms',
    ],
  ])(
    'JOB38: %s fails the job after two peers, with peer, record and stack',
    async (_, options, code, text) => {
      const room = await roomOf()
      const job = submit(room, options)
      const error = await errorOf(room, job)
      expect(error.code).toBe(code)
      expect(error.message).toContain(text)
      expect(room.members.map(({ tab }) => tab.peerId)).toContain(error.peer)
      if (code === 'task-failed') expect(error.stack).toContain('Error')
      if (code !== 'code-error' && code !== 'task-timeout') expect(error.record).toBeTypeOf('string')
      const failed = job.getSnapshot().tasks.find(({ state }) => state === 'failed')
      expect(
        new Set(failed?.attempts.filter(({ state }) => state === 'failed').map(({ peer }) => peer)).size,
      ).toBe(2)
      expect(job.getSnapshot()).toMatchObject({ state: 'failed', error: { code } })
      expect(await resultOf(room, submit(room))).toEqual(countWords(SHARDS))
    },
  )

  test('JOB38: with one peer its word is enough', async () => {
    const room = await roomOf({ tabs: 1 }, 1)
    const job = submit(room, { map: '() => { throw new Error("alone") }' })
    expect((await errorOf(room, job)).message).toContain('alone')
  })

  test('JOB38: what is not the code takes four attempts of a task to fail the job', async () => {
    const onOpen = () => {
      throw new SandboxError('unavailable', 'no sandbox today')
    }
    const room = await roomOf({ shards: ['a b\n'], onOpen })
    const job = submit(room)
    const error = await errorOf(room, job)
    expect(error).toMatchObject({ code: 'task-failed', message: expect.stringContaining('no sandbox today') })
    const failed = job.getSnapshot().tasks.find(({ state }) => state === 'failed')
    expect(failed?.attempts.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed', 'failed'])
    expect(new Set(failed?.attempts.map(({ peer }) => peer)).size).toBe(3)
  })

  test('SBX20: where the sandbox leaks nothing runs: the job fails when nobody else is there', async () => {
    const room = await roomOf({ tabs: 1, onOpen: leaks }, 1)
    const job = submit(room)
    expect(await errorOf(room, job, 5000)).toMatchObject({
      code: 'sandbox-leaks',
      message: expect.stringContaining('a way out'),
      peer: room.at(0).tab.peerId,
    })
    expect(attemptsOf(job).every(({ state }) => state !== 'committed')).toBe(true)
  })

  test.each([0, 1])('SBX20: the work of a tab whose sandbox leaks goes elsewhere (tab %i)', async (leaky) => {
    const room = await roomOf({ onOpen: (tab) => tab.index === leaky && leaks() })
    const job = submit(room)
    expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
    const there = attemptsOf(job).filter(({ peer }) => peer === room.at(leaky).tab.peerId)
    expect(there.length).toBeGreaterThan(0)
    for (const { state, reason } of there) {
      expect(state).toBe('failed')
      expect(reason).toContain('a way out')
    }
  })

  test('SBX20: the job fails when every sandbox leaks', async () => {
    const room = await roomOf({ onOpen: leaks })
    expect((await errorOf(room, submit(room), 5000)).code).toBe('sandbox-leaks')
  })

  test.each<[string, Pick<MapReduceOptions, 'map' | 'combine' | 'reduce'>]>([
    [
      'arrows',
      {
        map: (line, ctx) => ctx.emit(line.length, line),
        reduce: (key, lines) => [key, ...lines],
      },
    ],
    ['functions', { map: emitLine, reduce: keyAndLines }],
    [
      'methods',
      {
        map(line, ctx) {
          ctx.emit(line.length, line)
        },
        reduce(key, lines) {
          return [key, ...lines]
        },
      },
    ],
    [
      'async forms',
      {
        map: async (line, ctx) => ctx.emit(line.length, await line),
        async reduce(key, lines) {
          return [key, ...(await lines)]
        },
      },
    ],
    [
      'computed names',
      {
        ['map'](line, ctx) {
          ctx.emit(line.length, line)
        },
        ['reduce'](key, lines) {
          return [key, ...lines]
        },
      },
    ],
  ])('JOB20: a job takes %s as they are', async (_, functions) => {
    const room = await roomOf()
    const job = room.at(0).compute.jobs.mapReduce({ dataset: 'lines', ...functions })
    expect(await resultOf(room, job)).toEqual([[3, [3, 'a b', 'b c', 'c a', 'a a']]])
  })

  test.each<[string, Partial<MapReduceOptions>, JobErrorCode]>([
    ['no such dataset', { dataset: 'nothing' }, 'no-such-dataset'],
    ['no dataset', { dataset: 5 as never }, 'bad-option'],
    ['partitions', { partitions: 0 }, 'bad-option'],
    ['too many partitions', { partitions: 257 }, 'bad-option'],
    ['a time limit', { taskTimeoutMs: Number.NaN }, 'bad-option'],
    ['params', { params: () => 1 }, 'bad-option'],
    ['large params', { params: 'x'.repeat(2 ** 20 + 1) }, 'bad-option'],
    ['no map', { map: undefined as never }, 'bad-option'],
    ['a bound function', { map: (() => 1).bind(null) }, 'bad-option'],
    ['a generator', { map: '* map() {}' }, 'code-error'],
    ['long code', { map: `() => "${'x'.repeat(2 ** 18)}"` }, 'bad-option'],
  ])('JOB39: a wrong option (%s) rejects the result and throws nothing', async (_, options, code) => {
    const room = await roomOf({ tabs: 1 }, 1)
    const job = submit(room, options)
    expect((await errorOf(room, job)).code).toBe(code)
    expect(job.getSnapshot().state).toBe('failed')
  })

  test('JOB39: a handle runs on its own dataset, never on another that has its name by now', async () => {
    const room = await roomOf({ tabs: 1 }, 1)
    const { id } = room.shards.manifest
    const own = submit(room, { dataset: { id, name: 'renamed' } as Dataset })
    expect((await resultOf(room, own)).length).toBeGreaterThan(0)
    const dropped = submit(room, { dataset: { id: 'dataset0001' as DatasetId, name: 'lines' } as Dataset })
    expect((await errorOf(room, dropped)).code).toBe('no-such-dataset')
  })

  test('JOB40: shards that nobody holds are waited for, for 30 s', async () => {
    const room = await roomOf()
    for (const { tab } of room.members) room.shards.remove(1, tab.peerId)
    const job = submit(room)
    await room.sim.run(20_000)
    room.shards.place(1, room.at(2).tab.peerId)
    expect(await resultOf(room, job, 5000)).toEqual(countWords(SHARDS))
    for (const { tab } of room.members) room.shards.remove(1, tab.peerId)
    const second = submit(room)
    const error = await errorOf(room, second, 31_000)
    expect(error.code).toBe('shards-missing')
    expect(error.message).toContain('1 of 4')
  })

  test('JOB52: a dataset that is dropped ends its jobs at once, and says so', async () => {
    const room = await roomOf({ taskMs: () => 60_000 })
    const job = submit(room)
    await room.sim.runUntil(() => room.at(1).compute.jobs.running().length === 1, 5000, 'the job runs')
    room.shards.drop()
    expect(await errorOf(room, job, 100)).toMatchObject({ code: 'dataset-dropped' })
    const isQuiet = () => room.members.every(({ compute }) => compute.jobs.running().length === 0)
    await room.sim.runUntil(isQuiet, 1000, 'nobody works on it')
  })

  test('JOB41: cancel ends every attempt everywhere', async () => {
    const room = await roomOf({ taskMs: () => 60_000 })
    const job = submit(room)
    await room.sim.runUntil(() => room.at(1).compute.jobs.running().length === 1, 5000, 'the job runs')
    job.cancel('enough')
    const error = await errorOf(room, job)
    expect(error).toMatchObject({ code: 'cancelled' })
    expect(error.message).toContain('enough')
    const isQuiet = () => room.members.every(({ compute }) => compute.jobs.running().length === 0)
    await room.sim.runUntil(isQuiet, 1000, 'nobody works on it')
    expect(
      job
        .getSnapshot()
        .tasks.flatMap(({ attempts }) => attempts)
        .every(({ state }) => state === 'discarded'),
    ).toBe(true)
  })

  test('JOB41: an aborted signal cancels, before and after the start', async () => {
    const room = await roomOf({ taskMs: () => 60_000 })
    const controller = new AbortController()
    const job = submit(room, { signal: controller.signal })
    controller.abort(new Error('stop it'))
    expect((await errorOf(room, job)).code).toBe('cancelled')
    expect((await errorOf(room, submit(room, { signal: AbortSignal.abort() }))).code).toBe('cancelled')
  })

  test('JOB42: a job stopped by a person on one device goes elsewhere', async () => {
    const room = await roomOf({ taskMs: () => 500 }, 3)
    const job = submit(room)
    await room.sim.runUntil(() => room.at(1).compute.jobs.running().length === 1, 5000, 'the job runs')
    room.at(1).compute.jobs.stop(job.id)
    expect(room.at(1).compute.jobs.running()).toEqual([])
    expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
    const committed = job
      .getSnapshot()
      .tasks.flatMap(({ attempts }) => attempts)
      .filter(({ state }) => state === 'committed')
    expect(committed.map(({ peer }) => peer)).not.toContain(room.at(1).tab.peerId)
  })

  test('JOB43: a straggler is cloned and the first commit wins', async () => {
    let slow = true
    const room = await roomOf({ taskMs: ({ index }) => (index === 2 && slow ? 60_000 : 100) }, 3)
    const job = submit(room)
    expect(await resultOf(room, job, 20_000)).toEqual(countWords(SHARDS))
    slow = false
    const states = job.getSnapshot().tasks.flatMap(({ attempts }) => attempts.map(({ state }) => state))
    expect(states).toContain('discarded')
  })

  test('JOB44: listeners and progress hear of the job until its end', async () => {
    const room = await roomOf({ taskMs: () => 200 })
    const job = submit(room)
    const seen: number[] = []
    const reading = (async () => {
      for await (const progress of job.progress()) seen.push(progress.mapsDone + progress.reducesDone)
    })()
    await resultOf(room, job)
    await room.sim.settle(reading, 1000)
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(4 + 3)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(job.getSnapshot()).toBe(job.getSnapshot())
  })

  test('JOB45: before running it says what is local', async () => {
    const room = await roomOf()
    expect(room.at(0).compute.jobs.locality('lines')).toEqual({ shards: 4, local: 4, bytesToMove: 0 })
    for (const { tab } of room.members) room.shards.remove(0, tab.peerId)
    expect(room.at(0).compute.jobs.locality('lines')).toEqual({ shards: 4, local: 3, bytesToMove: 4 })
    expect(room.at(0).compute.jobs.locality('nothing')).toEqual({ shards: 0, local: 0, bytesToMove: 0 })
  })

  test('JOB47: a tab that died while it ran a job refuses it when it is back, and takes others', async () => {
    const room = await roomOf({ taskMs: () => 20_000 }, 3)
    const job = submit(room)
    const isWorking = () => room.at(1).compute.jobs.running().length === 1
    await room.sim.runUntil(isWorking, 5000, 'the job runs')
    await room.sim.run(100)
    room.at(1).tab.kill()
    await room.sim.run(8000)
    await room.restart(1)
    expect(await resultOf(room, job, 200_000)).toEqual(countWords(SHARDS))
    const mine = job.getSnapshot().tasks.flatMap(({ attempts }) => attempts)
    const reasons = mine.filter(({ peer }) => peer === room.at(1).tab.peerId).map(({ reason }) => reason)
    expect(reasons.at(-1)).toContain('does not run it again')
    const next = submit(room)
    await room.sim.runUntil(isWorking, 5000, 'the next job runs there')
    expect(await resultOf(room, next, 200_000)).toEqual(countWords(SHARDS))
  })

  test('JOB47: a job that ended leaves no mark', async () => {
    const room = await roomOf()
    await resultOf(room, submit(room))
    await room.sim.run(1000)
    const disk = room.at(1).tab.kept('disk', () => new MemoryDisk())
    expect(await (await disk.open(COMPUTE_TABLES)).entries('work')).toEqual([])
  })

  test('JOB47: nothing of a job is looked at before its mark is on disk, nor when it is refused', async () => {
    const seen: string[] = []
    const room = await roomOf({ onOpen: (tab) => seen.push(`open ${tab.index}`), taskMs: () => 20_000 }, 3)
    const job = submit(room)
    await room.sim.runUntil(() => seen.includes('open 1'), 5000, 'the job is opened')
    const disk = room.at(1).tab.kept('disk', () => new MemoryDisk())
    expect(await (await disk.open(COMPUTE_TABLES)).entries('work')).toHaveLength(1)
    room.at(1).tab.kill()
    await room.sim.run(8000)
    seen.length = 0
    await room.restart(1)
    await resultOf(room, job, 200_000)
    expect(seen).not.toContain('open 1')
  })

  test('JOB48: jobs that run are known as such however many there are, and end with the node', async () => {
    const room = await roomOf({ taskMs: () => 60_000 }, 1)
    const jobs = Array.from({ length: 60 }, () => submit(room))
    expect(room.at(0).compute.jobs.list()).toHaveLength(60)
    room.at(0).compute.close()
    for (const job of jobs) expect((await errorOf(room, job)).code).toBe('cancelled')
    const late = submit(room)
    expect((await errorOf(room, late, 1000)).code).toBe('cancelled')
  })

  test('JOB41: a large job that is cancelled at once is forgotten at once by those who were asked', async () => {
    const room = await roomOf({ taskMs: () => 60_000 })
    const job = submit(room, { params: 'x'.repeat(500_000) })
    await room.sim.run(20)
    job.cancel()
    await errorOf(room, job)
    await room.sim.run(5000)
    expect(room.members.map(({ compute }) => compute.jobs.running().length)).toEqual([0, 0, 0])
  })

  test('JOB46: hostile requests are refused with words', async () => {
    const room = await roomOf()
    const [a, b] = [room.at(0).room, room.at(1).tab.peerId]
    const ask = (method: string, body: never) =>
      room.sim
        .settle(a.request(b, method, body, { timeoutMs: 5000 }))
        .catch((error: { code: string }) => error.code)
    for (const method of ['compute/open', 'compute/map', 'compute/reduce', 'compute/fetch']) {
      for (const body of [null, 5, [], {}, { jobId: 'x' }, { jobId: '../../../../etc', inputs: [] }]) {
        expect(await ask(method, body as never)).toBe('bad-message')
      }
    }
    const missing = {
      submitter: b,
      jobId: 'aaaaaaaaaa',
      stage: 'map',
      task: 0,
      attempt: 0,
      bucket: 0,
      offset: 0,
    }
    expect(await ask('compute/fetch', missing as never)).toBe('no-such-job')
    expect(await ask('compute/alive', 'aaaaaaaaaa' as never)).toBe(false)
  })
})
