import { expect, test } from 'vitest'
import { type Job, JobError } from '../../web/compute/index.ts'
import type { RequestHandler, Room } from '../../web/mesh/index.ts'
import { countWords, FAT_WORD_COUNT, JobRoom, WORD_COUNT } from '../support/job-room.ts'
import { createSimulation, joinRoom } from '../support/sim/index.ts'

const SHARDS = Array.from({ length: 10 }, (_, i) =>
  Array.from({ length: 60 }, (_, j) => `w${i * j}\n`).join(''),
)
const MAPPED = { type: 'mapped', recordsRead: 1, counters: {}, bytesMoved: 0 }

/** Two honest tabs, and a member that answers a job's requests as it likes. */
async function roomWith(
  seed: number,
  answers: Readonly<Record<string, RequestHandler>>,
  slots = 4,
): Promise<{ room: JobRoom; hostile: Room }> {
  const sim = createSimulation(seed)
  const room = new JobRoom(sim, { tabs: 2, shards: SHARDS })
  await room.begin()
  room.spread(2)
  const hostile = await sim.settle(joinRoom(sim.tab(2), { profile: { slots } }))
  for (const [method, answer] of Object.entries({ 'compute/open': () => null, ...answers }))
    hostile.serve(method, answer)
  await sim.runUntil(() => room.at(0).room.members().length === 3, 10_000)
  return { room, hostile }
}

function holdAll(room: JobRoom, hostile: Room): void {
  for (let shard = 0; shard < SHARDS.length; shard++) room.shards.place(shard, hostile.self.peerId)
}

async function resultOf(room: JobRoom, job: Job): Promise<unknown> {
  return room.sim.settle(job.result(), 120_000)
}

test.each([1, 2, 3, 4])(
  'JOB31: a reducer that says its inputs are lost is passed over (seed %i)',
  async (seed) => {
    const { room } = await roomWith(seed, {
      'compute/reduce': () => ({ type: 'lost', tasks: SHARDS.map((_, task) => task) }),
    })
    const job = room.at(0).compute.jobs.mapReduce({ ...FAT_WORD_COUNT, partitions: 8 })
    expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
  },
)

test.each<[string, RequestHandler]>([
  ['the wrong number of partitions', () => ({ ...MAPPED, sizes: [1] })],
  ['impossible sizes', () => ({ ...MAPPED, sizes: [2 ** 40, 0] })],
  ['no answer at all', () => null],
  ['another kind of answer', () => ({ type: 'reduced', bytes: 0, counters: {}, bytesMoved: 0 })],
  ['output that it does not have', () => ({ ...MAPPED, sizes: [10, 10] })],
])('JOB31: a mapper that gives %s is passed over', async (_, answer) => {
  const { room, hostile } = await roomWith(5, { 'compute/map': answer })
  holdAll(room, hostile)
  const job = room.at(0).compute.jobs.mapReduce({ ...WORD_COUNT, partitions: 2 })
  expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
})

test('JOB38: a peer that failed three times is left out', async () => {
  let asked = 0
  const answer = () => {
    asked++
    return null
  }
  const { room, hostile } = await roomWith(5, { 'compute/map': answer, 'compute/reduce': answer }, 1)
  holdAll(room, hostile)
  for (let shard = 0; shard < SHARDS.length; shard++) {
    for (const { tab } of room.members) room.shards.remove(shard, tab.peerId)
  }
  const job = room.at(0).compute.jobs.mapReduce({ ...WORD_COUNT, partitions: 4 })
  expect(await resultOf(room, job)).toEqual(countWords(SHARDS))
  // With one slot it has two attempts at once, and it holds all ten shards.
  expect([3, 4]).toContain(asked)
})

test('JOB49: a partition that no tab could hold fails the job with what to do', async () => {
  const { room, hostile } = await roomWith(6, {
    'compute/map': () => ({ ...MAPPED, sizes: [60 * 2 ** 20] }),
  })
  holdAll(room, hostile)
  for (let shard = 0; shard < SHARDS.length; shard++) {
    for (const { tab } of room.members) room.shards.remove(shard, tab.peerId)
  }
  const job = room.at(0).compute.jobs.mapReduce({ ...WORD_COUNT, partitions: 1 })
  const error = await resultOf(room, job).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(JobError)
  expect(error).toMatchObject({ code: 'output-too-large' })
  expect((error as JobError).message).toMatch(/partition 0 has 566231040 bytes .*512 MiB.*partitions/)
})

test('JOB49: lists without a reduce fail as soon as they are too much, before all is mapped', async () => {
  const { room, hostile } = await roomWith(7, { 'compute/map': () => ({ ...MAPPED, sizes: [40 * 2 ** 20] }) })
  holdAll(room, hostile)
  for (let shard = 0; shard < SHARDS.length; shard++) {
    for (const { tab } of room.members) room.shards.remove(shard, tab.peerId)
  }
  const { dataset, map } = WORD_COUNT
  const job = room.at(0).compute.jobs.mapReduce({ dataset, map, partitions: 1 })
  const error = await resultOf(room, job).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'output-too-large',
    message: expect.stringMatching(/83886080 bytes .*64 MiB/),
  })
  const committed = job.getSnapshot().tasks.filter(({ state }) => state === 'committed')
  expect(committed).toHaveLength(1)
})
