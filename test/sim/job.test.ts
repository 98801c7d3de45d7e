import { describe, expect, test } from 'vitest'
import { type Job, JobError, type JobKey } from '../../web/compute/index.ts'
import { countWords, FAT_WORD_COUNT, JobRoom, type JobTab, WORD_COUNT } from '../support/job-room.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { seedsOf } from '../support/sim/seeds.ts'

const SEEDS = seedsOf(300)
/** A job that waits for shards gives up after 30 s; all else is over long before. */
const JOB_LIMIT_MS = 240_000
const STOP_MS = 6000

type Outcome = { readonly pairs: readonly (readonly [JobKey, unknown])[] } | { readonly error: JobError }

/** A random room, a job in it, and what befalls them. */
class Story {
  readonly sim: Simulation
  readonly room: JobRoom
  readonly texts: readonly string[]
  /** Its map output does not fit an answer, so reducers fetch it from the mappers. */
  readonly #isFat: boolean

  constructor(seed: number) {
    const { random } = createSimulation(seed * 37 + 11)
    const pick = (from: number, to: number) => from + Math.floor(random.float() * (to - from + 1))
    const path = {
      latencyMs: 1 + random.float() * 30,
      jitterMs: random.float() * 15,
      loss: random.float() < 0.3 ? 0.02 : 0,
    }
    this.sim = createSimulation(seed, { path })
    const words = (count: number) => Array.from({ length: count }, () => `w${pick(0, 40)}`).join(' ')
    this.texts = Array.from({ length: pick(1, 16) }, () =>
      Array.from({ length: pick(1, 20) }, () => `${words(pick(1, 8))}\n`).join(''),
    )
    this.#isFat = random.float() < 0.5
    const slow = pick(0, 3)
    const tabs = pick(2, 5)
    const taskMs = pick(0, 1500)
    this.room = new JobRoom(this.sim, {
      tabs,
      shards: this.texts,
      slots: pick(1, 2),
      taskMs: ({ index }) => (index === slow ? taskMs * 4 : taskMs) * this.sim.random.float(),
    })
  }

  async begin(copies: number): Promise<void> {
    await this.room.begin()
    this.room.spread(copies)
  }

  submit(): Promise<Outcome> {
    const code = this.#isFat ? FAT_WORD_COUNT : WORD_COUNT
    return outcomeOf(this.room.at(0).compute.jobs.mapReduce({ ...code, taskTimeoutMs: 20_000 }))
  }

  /** Kills, pauses, cuts and goodbyes, never of the submitter; what was cut heals. */
  async chaos(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.sim.run(this.sim.random.float() * 1500)
      this.#fault()
    }
    await this.sim.run(2000)
    this.sim.note('all faults end')
    this.sim.network.heal()
  }

  #fault(): void {
    const others = this.room.members.slice(1)
    const victim = others[Math.floor(this.sim.random.float() * others.length)] as JobTab
    const kind = this.sim.random.float()
    if (kind < 0.25) {
      victim.tab.kill()
    } else if (kind < 0.4) {
      victim.compute.close()
      void victim.room.leave()
    } else if (kind < 0.7) victim.tab.pause(200 + this.sim.random.float() * 2800)
    else {
      const other = this.room.members[
        Math.floor(this.sim.random.float() * this.room.members.length)
      ] as JobTab
      if (other !== victim) this.sim.network.partition([victim.tab.peerId], [other.tab.peerId])
    }
  }
}

async function outcomeOf(job: Job): Promise<Outcome> {
  try {
    return { pairs: await job.result() }
  } catch (error) {
    if (error instanceof JobError) return { error }
    throw error
  }
}

describe('jobs over the simulated mesh', () => {
  test.each(Array.from({ length: 30 }, (_, i) => i))(
    `JOB30: right or failed with a reason, whatever befalls the others (${Math.ceil(SEEDS.length / 30)} seeds from %i)`,
    async (part) => {
      for (const seed of SEEDS.filter((_, at) => at % 30 === part)) {
        const story = new Story(seed)
        await story.begin(2)
        const submitted = story.submit()
        await story.chaos(3)
        const outcome = await story.sim.settle(submitted, JOB_LIMIT_MS, 'the job')
        if ('pairs' in outcome) expect(outcome.pairs, `seed ${seed}`).toEqual(countWords(story.texts))
        else {
          expect(outcome.error.code, `seed ${seed}: ${outcome.error.message}`).toBe('shards-missing')
          expect(story.room.missingShards(0), `seed ${seed}`).toBeGreaterThan(0)
        }
      }
    },
  )

  test('JOB31: with every shard on the submitter too, the result is there however many others die', async () => {
    for (const seed of seedsOf(60)) {
      const story = new Story(seed + 5000)
      await story.begin(1)
      for (let shard = 0; shard < story.texts.length; shard++)
        story.room.shards.place(shard, story.room.at(0).tab.peerId)
      const submitted = story.submit()
      await story.chaos(6)
      const outcome = await story.sim.settle(submitted, JOB_LIMIT_MS, 'the job')
      expect('pairs' in outcome ? outcome.pairs : String(outcome.error), `seed ${seed}`).toEqual(
        countWords(story.texts),
      )
    }
  })

  test('JOB32: the tasks of a submitter that dies stop within 6 s', async () => {
    for (const seed of seedsOf(40)) {
      const story = new Story(seed + 9000)
      await story.begin(2)
      void story.submit()
      await story.sim.run(50 + story.sim.random.float() * 500)
      story.room.at(0).tab.kill()
      const others = story.room.members.slice(1)
      const isQuiet = () => others.every(({ compute }) => compute.jobs.running().length === 0)
      await story.sim.runUntil(isQuiet, STOP_MS, 'no task of the dead submitter runs')
    }
  })

  test('JOB33: a seed gives the same trace twice', async () => {
    for (const seed of seedsOf(50)) {
      expect(await traceOf(seed), `seed ${seed}`).toBe(await traceOf(seed))
    }
  })
})

async function traceOf(seed: number): Promise<string> {
  const story = new Story(seed)
  await story.begin(2)
  const submitted = story.submit()
  await story.chaos(3)
  const outcome = await story.sim.settle(submitted, JOB_LIMIT_MS, 'the job')
  return `${story.sim.trace.hash} ${JSON.stringify('pairs' in outcome ? outcome.pairs : outcome.error.message)}`
}
