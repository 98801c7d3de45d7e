import { describe, expect, test, vi } from 'vitest'
import { JobCalls } from '../../web/compute/calls.ts'
import { SandboxError, type SandboxFactory } from '../../web/compute/index.ts'
import { decodePairs, encodePairs } from '../../web/compute/sandbox/bucket.ts'
import type { GuestResult, GuestTask } from '../../web/compute/sandbox/port.ts'
import type * as Shuffle from '../../web/compute/shuffle.ts'
import type * as Task from '../../web/compute/task.ts'
import type { JobSabotage } from '../support/job-room.ts'
import { oneIn, plant, type Uproot } from '../support/sim/plant.ts'
import { proxy, withServe } from '../support/sim/taps.ts'
import { type JobDangers, JobStory } from './job-story.ts'

/** In how many seeds a fault must be found. */
const SEEDS = 200
/** Stories without a fault, which must show none. */
const SOUND_SEEDS = 60

/** In this story a map task runs again, for nobody, when the job is done. */
const GONE_LATE = 83

/** Faults within the layer's own functions, off but for their own test. */
const faults = vi.hoisted(() => ({
  /** Why an attempt was discarded that may commit all the same. */
  takesAfter: '',
  isLostBelieved: false,
}))

vi.mock('../../web/compute/task.ts', async (original) => {
  const task = await original<typeof Task>()
  const endAttempt: typeof task.endAttempt = (attempt, state, ...rest) =>
    task.endAttempt(
      attempt,
      faults.takesAfter === rest[1] && state === 'discarded' ? ('running' as 'discarded') : state,
      ...rest,
    )
  return { ...task, endAttempt }
})

vi.mock('../../web/compute/shuffle.ts', async (original) => {
  const shuffle = await original<typeof Shuffle>()
  const gather: typeof shuffle.gather = async (...given) => {
    const gathered = await shuffle.gather(...given)
    return faults.isLostBelieved ? { ...gathered, lost: [] } : gathered
  }
  return { ...shuffle, gather }
})

interface Planted {
  readonly what: string
  /** Made anew for each seed. */
  readonly sabotage?: (seed: number) => JobSabotage
  /** Switches on what is no tap. */
  readonly plant?: () => Uproot
  readonly found: RegExp
}

const PLANTED: readonly Planted[] = [
  {
    what: 'JOB43 a late attempt that commits after another has',
    plant: () => takesLate('another attempt was first'),
    // A job that had failed may be done by it.
    found: /with 2 committed attempts|done though its code fails/,
  },
  {
    what: 'JOB41 an answer that commits after the end',
    plant: () => {
      const ends = [takesLate('the job has ended'), plant(JobCalls, 'close', () => () => undefined)]
      return () => {
        for (const end of ends) end()
      }
    },
    found: /committed after the end/,
  },
  {
    what: 'JOB38 a failure that does not name its reason',
    sabotage: () =>
      withRun((task, run) =>
        run(task).catch((error: unknown) => {
          const isFault = error instanceof SandboxError && error.fault?.code === 'threw'
          throw isFault ? SandboxError.of({ code: 'threw', message: 'a task failed' }) : error
        }),
      ),
    found: /without its reason/,
  },
  {
    what: 'JOB36 a mapper that serves other bytes than it made',
    sabotage: (seed) => {
      const isNow = oneIn(40, seed)
      return {
        room: (room) =>
          withServe(room, (method, answer) =>
            method === 'compute/fetch' && isNow() ? otherDigits(answer as ArrayBuffer) : answer,
          ),
      }
    },
    found: /differs/,
  },
  {
    what: 'JOB36 a mapper that is lost and whose output is believed',
    plant: () => {
      faults.isLostBelieved = true
      return () => undefined
    },
    found: /differs|counters/,
  },
  {
    what: 'JOB30 an output counted twice',
    sabotage: (seed) =>
      results(seed, 40, 'reduce', (result) => {
        const pairs = decodePairs(only(result))
        return { ...result, buckets: [encodePairs([...pairs, ...pairs.slice(-1)])] }
      }),
    found: /differs/,
  },
  {
    what: 'JOB5 counters of a task counted twice',
    sabotage: (seed) =>
      results(seed, 40, 'map', (result) => {
        const doubled = Object.entries(result.counters).map(([name, n]) => [name, n * 2])
        return { ...result, counters: Object.fromEntries(doubled) }
      }),
    found: /counters/,
  },
  {
    what: 'JOB30 a task skipped: answered with nothing, its records counted',
    sabotage: (seed) =>
      results(seed, 40, 'map', (result) => ({
        ...result,
        buckets: result.buckets.map(() => new ArrayBuffer(0)),
      })),
    found: /differs/,
  },
  {
    what: 'JOB30 a stale shard: the bytes of another under the asked id',
    sabotage: (seed) => {
      const isStale = oneIn(40, seed)
      return {
        shards: (source) =>
          proxy(source, {
            read: (id, signal) => {
              const shards = source.manifest('lines')?.shards ?? []
              const next = shards[(shards.findIndex((shard) => shard.id === id) + 1) % shards.length]
              return source.read(isStale() && next ? next.id : id, signal)
            },
          }),
      }
    },
    found: /differs|counters/,
  },
  {
    what: 'JOB30 a reducer that gets the buckets of one mapper twice',
    sabotage: (seed) => reduceInputs(seed, 40, (buckets) => [...buckets, ...buckets.slice(0, 1)]),
    found: /differs/,
  },
  {
    what: 'JOB1 buckets in another order than their shards',
    sabotage: (seed) => reduceInputs(seed, 40, (buckets) => buckets.toReversed()),
    found: /differs/,
  },
  {
    what: 'JOB2 pairs out of key order',
    sabotage: (seed) =>
      results(seed, 20, 'reduce', (result) => ({
        ...result,
        buckets: [encodePairs(decodePairs(only(result)).toReversed())],
      })),
    found: /differs/,
  },
  {
    what: 'JOB3 a combiner applied once more to its own output',
    sabotage: () => ({
      sandboxes: (factory) => ({
        ...factory,
        open: (code, ...rest) => {
          if (code.combine === undefined) return factory.open(code, ...rest)
          const twice = `(key, values, ctx) => { const once = (${code.combine}); return once(key, [once(key, values, ctx)], ctx) }`
          return factory.open({ ...code, combine: twice }, ...rest)
        },
      }),
    }),
    found: /differs/,
  },
]

describe('the checkers of jobs', () => {
  test('JOB30: find nothing in sound stories, which are full of dangers', async () => {
    const dangers: JobDangers = { clones: 0, lost: 0, rerun: 0, together: 0, failed: 0, cancelled: 0 }
    for (let seed = 1; seed <= SOUND_SEEDS; seed++) expect(await failureOf(seed, {}, dangers)).toBeUndefined()
    expect(dangers.clones).toBeGreaterThan(SOUND_SEEDS)
    expect(dangers.lost).toBeGreaterThan(SOUND_SEEDS / 4)
    expect(dangers.rerun).toBeGreaterThan(SOUND_SEEDS / 4)
    expect(dangers.together).toBe(5)
    expect(dangers.failed).toBeGreaterThan(SOUND_SEEDS / 2)
    expect(dangers.cancelled).toBeGreaterThan(SOUND_SEEDS / 10)
  }, 120_000)

  test('JOB53: a mapper that goes while the last reduces run is counted once', async () => {
    expect(await failureOf(GONE_LATE, {})).toBeUndefined()
  })

  for (const { what, sabotage, plant: begin, found } of PLANTED) {
    test(`${what} is found`, async () => {
      const uproot = begin?.()
      let failure: string | undefined
      let seed = 0
      try {
        while (failure === undefined && seed < SEEDS) {
          seed++
          failure = await failureOf(seed, sabotage?.(seed) ?? {})
        }
      } finally {
        uproot?.()
        faults.takesAfter = ''
        faults.isLostBelieved = false
      }
      expect(failure?.split('\n')[0], `seed ${seed}`).toMatch(found)
      expect(await failureOf(seed, {}), `seed ${seed} without the fault`).toBeUndefined()
    }, 120_000)
  }
})

/** Undefined when all is as it should be. */
async function failureOf(
  seed: number,
  sabotage: JobSabotage,
  dangers?: JobDangers,
): Promise<string | undefined> {
  const story = new JobStory(seed, sabotage)
  try {
    await story.play()
    story.check()
  } catch (error) {
    return String(error)
  }
  if (dangers) story.countDangers(dangers)
  return undefined
}

/** Attempts that were discarded for this reason run on, and their answers are taken. */
function takesLate(reason: string): Uproot {
  faults.takesAfter = reason
  return plant(
    JobCalls,
    'map',
    (sound) =>
      function (this: JobCalls, peer, request) {
        return sound.call(this, peer, request, new AbortController().signal)
      },
  )
}

/** As long as it was, and still a bucket. */
function otherDigits(bytes: ArrayBuffer): ArrayBuffer {
  return new Uint8Array(bytes).map((byte) => (byte === 0x31 ? 0x32 : byte)).buffer
}

/** One result in `n` of these tasks is another. */
function results(
  seed: number,
  n: number,
  kind: GuestTask['kind'],
  change: (result: GuestResult) => GuestResult,
): JobSabotage {
  const isNow = oneIn(n, seed)
  return withRun(async (task, run) => {
    const result = await run(task)
    return task.kind === kind && isNow() ? change(result) : result
  })
}

/** One reduce in `n` is given other buckets. */
function reduceInputs(
  seed: number,
  n: number,
  change: (buckets: readonly ArrayBuffer[]) => readonly ArrayBuffer[],
): JobSabotage {
  const isNow = oneIn(n, seed)
  return withRun((task, run) =>
    run(task.kind === 'reduce' && isNow() ? { ...task, buckets: change(task.buckets) } : task),
  )
}

function withRun(
  instead: (task: GuestTask, run: (task: GuestTask) => Promise<GuestResult>) => Promise<GuestResult>,
): JobSabotage {
  const sandboxes = (factory: SandboxFactory): SandboxFactory => ({
    ...factory,
    open: async (...given) => {
      const sandbox = await factory.open(...given)
      return proxy(sandbox, {
        run: (task, options) => instead(task, (changed) => sandbox.run(changed, options)),
      })
    },
  })
  return { sandboxes }
}

function only({ buckets }: GuestResult): ArrayBuffer {
  return buckets[0] ?? new ArrayBuffer(0)
}
