import { expect, test } from 'vitest'
import type { JobId, PeerId } from '../../web/base/index.ts'
import { HostedJob } from '../../web/compute/hosted-job.ts'
import {
  type Job,
  type MapReduceOptions,
  SandboxError,
  type SandboxFactory,
} from '../../web/compute/index.ts'
import { resolveSpec } from '../../web/compute/options.ts'
import type { DatasetManifest, ShardInfo } from '../../web/data/index.ts'
import { JobRoom, type JobRoomOptions, WORD_COUNT } from '../support/job-room.ts'
import { createSimulation } from '../support/sim/index.ts'

const LINES = { dataset: 'lines', map: '(line, ctx) => ctx.emit(line, 1)' }

async function roomOf(options: Partial<JobRoomOptions> = {}): Promise<JobRoom> {
  const room = new JobRoom(createSimulation(3), { tabs: 1, shards: ['a\n', 'b\n'], ...options })
  await room.begin()
  room.spread(1)
  return room
}

async function errorOf(room: JobRoom, job: Job): Promise<string> {
  const end = job.result().then(
    () => 'it did not fail',
    (error: Error) => error.message,
  )
  return room.sim.settle(end, 600_000)
}

function failing(error: Error): Partial<JobRoomOptions> {
  const sandboxes = (factory: SandboxFactory) => ({ ...factory, open: () => Promise.reject(error) })
  return { sabotage: { sandboxes } }
}

const emits = (value: string) => ({ map: `(line, ctx) => ctx.emit("hot", ${value})` })

/** What goes beyond each limit of a job, and what its error says: the limit by its number. */
test.each<[string, Partial<MapReduceOptions>, RegExp, Partial<JobRoomOptions>?]>([
  ['code', { map: `() => 1${' '.repeat(2 ** 18)}` }, /map, combine and reduce .* 262144 characters/],
  ['params', { params: 'x'.repeat(2 ** 20) }, /params .*1 MiB/],
  ['params over a frame', { params: 'x'.repeat(2 ** 24 + 1) }, /params .*1 MiB/],
  ['partitions', { partitions: 257 }, /partitions .*256/],
  ['the time of a task, given', { taskTimeoutMs: 86_400_001 }, /taskTimeoutMs .*86400000/],
  ['the time of a task', { map: '() => new Promise(() => {})', taskTimeoutMs: 700 }, /700 ms/],
  ['a value', emits('"x".repeat(2 ** 24 + 1)'), /key hot .*16 MiB/],
  ['a value in bytes', emits('new Uint8Array(2 ** 24 + 1)'), /key hot .*16 MiB/],
  ['objects in a value', emits('Array.from({ length: 2 ** 21 }, () => [])'), /key hot .*2097152/],
  ['depth', emits('[...Array(64)].reduce((v) => [v], [])'), /key hot .*64/],
  ['a bigint', emits('1n << (8n * 65536n)'), /key hot .*65536/],
  ['a reduced value', { reduce: '() => "x".repeat(2 ** 24 + 1)' }, /key a .*16 MiB/],
  [
    'the output of a task',
    { map: '(line, ctx) => { const x = "x".repeat(2 ** 20); for (;;) ctx.emit("hot", x) }' },
    /64 MiB.*\(64\).*key hot/,
  ],
  [
    'the result of a task',
    {
      map: '(line, ctx) => { for (let i = 0; i < 9; i++) ctx.emit(i, 1) }',
      reduce: '() => "x".repeat(2 ** 23)',
      partitions: 1,
    },
    /7549\d{4} bytes, where 64 MiB/,
  ],
  [
    'the lists of a partition',
    {
      map: '(line, ctx) => { const x = "x".repeat(2 ** 20); for (let i = 0; i < 40; i++) ctx.emit("hot", x) }',
      partitions: 1,
    },
    /partition 0 has 838\d{5} bytes .*80 so far.*key hot.*64 MiB/,
  ],
  ['counters', { map: '(line, ctx) => { for (let i = 0; i < 121; i++) ctx.count(`c${i}`) }' }, /120/],
  ['the name of a counter', { map: '(line, ctx) => ctx.count("c".repeat(101))' }, /100 characters/],
  [
    'attempts',
    {},
    /gone \(the last of 4 attempts\)/,
    {
      tabs: 3,
      shards: ['a\n'],
      ...failing(new SandboxError('unavailable', 'gone')),
    },
  ],
  ['lost attempts', {}, /24 attempts were lost/, failing(new SandboxError('closed', 'gone'))],
])('JOB55: more than the limit of %s is told by its number', async (_, options, says, roomOptions) => {
  const room = await roomOf(roomOptions)
  const job = room.at(0).compute.jobs.mapReduce({ ...LINES, ...options })
  expect(await errorOf(room, job)).toMatch(says)
})

test('JOB54: a job without a reduce gives one list of 24 MiB for one key', async () => {
  const room = await roomOf()
  const map =
    '(line, ctx) => { for (let i = 0; i < 12; i++) ctx.emit("hot", `${line}${i} ${"x".repeat(2 ** 20)}`) }'
  const job = room.at(0).compute.jobs.mapReduce({ dataset: 'lines', map, partitions: 1 })
  const pairs = await room.sim.settle(job.result(), 600_000)
  expect(pairs).toHaveLength(1)
  const [[key, list]] = pairs as [[string, string[]]]
  const places = ['a', 'b'].flatMap((line) => Array.from({ length: 12 }, (_, i) => `${line}${i}`))
  expect(key).toBe('hot')
  expect(list.map((value) => value.split(' ')[0])).toEqual(places)
})

test('JOB40, JOB55: shards that are missing are waited for as long as the error says', async () => {
  const room = await roomOf()
  for (const shard of [0, 1]) room.shards.remove(shard, room.at(0).tab.peerId)
  const job = room.at(0).compute.jobs.mapReduce(LINES)
  expect(await errorOf(room, job)).toMatch(/2 of 2 shards .*30 s/)
})

test('JOB55: a dataset of more shards than a job has tasks is refused by their number', () => {
  const shards = Array.from({ length: 65_537 }, () => ({}) as ShardInfo)
  const manifest = { format: { kind: 'text' }, shards } as unknown as DatasetManifest
  expect(() => resolveSpec(LINES, 'job' as JobId, manifest, 1)).toThrow('65536 shards')
})

test('JOB55: what one peer keeps, and takes of one submitter, is told by its number', async () => {
  const room = await roomOf({ tabs: 2, taskMs: () => 60_000 })
  for (const shard of [0, 1]) room.shards.place(shard, room.at(1).tab.peerId)
  for (const shard of [0, 1]) room.shards.remove(shard, room.at(0).tab.peerId)
  const jobs = Array.from({ length: 9 }, () => room.at(0).compute.jobs.mapReduce(WORD_COUNT))
  await room.sim.run(3000)
  const reasons = jobs.flatMap((job) =>
    job.getSnapshot().tasks.flatMap(({ attempts }) => attempts.flatMap(({ reason }) => reason ?? [])),
  )
  expect(reasons).toContainEqual(expect.stringContaining('takes (8)'))
  for (const job of jobs) job.cancel()
  for (const job of jobs) await errorOf(room, job)

  const hosted = new HostedJob('peer' as PeerId, resolveSpec(LINES, 'job' as JobId, emptyDataset, 1), {
    sandboxes: { open: () => new Promise(() => {}), close: () => undefined },
    slots: 1,
    share: { keptBytes: 512 * 2 ** 20 },
    nowMs: 0,
    allowed: Promise.resolve(),
  })
  expect(() => hosted.keep('map', 0, 0, [new ArrayBuffer(1)])).toThrow('512 MiB')
})

const emptyDataset = { format: { kind: 'text' }, shards: [] } as unknown as DatasetManifest
