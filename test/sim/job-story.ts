import { type Job, JobError, type JobKey, type MapReduceOptions } from '../../web/compute/index.ts'
import { JobRoom, type JobSabotage, type JobTab } from '../support/job-room.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'

const JOB_LIMIT_MS = 240_000
/** Late answers come within this time of the last job's end. */
const AFTER_MS = 15_000
const PAD = 'x'.repeat(300)
/** What a combiner adds each time that it runs over a key. */
const COMBINED = 1000

type Pairs = readonly (readonly [JobKey, unknown])[]

/** A job, and the same in plain words; or one whose code fails. */
interface Work {
  readonly options: Omit<MapReduceOptions, 'partitions'>
  readonly plain?: (shards: readonly (readonly string[])[]) => Pairs
}

/** What the failing job says of this record. */
const REASON = 'this record cannot be worked on'
const BAD_RECORD = '302 '

const WORKS: readonly Work[] = [
  // Lists show the order of values; their shuffle is fetched from the mappers.
  {
    options: {
      dataset: 'lines',
      map: `(line, ctx) => {
        ctx.count('lines')
        for (const word of line.split(' ').slice(1)) ctx.emit(word, line + '${PAD}')
      }`,
      reduce: '(key, values, ctx) => { ctx.count("keys"); return values.map((value) => value.slice(0, 12)) }',
    },
    plain: (shards) => {
      const all = group(shards.flat().flatMap((line) => wordsOf(line).map((word) => [word, line] as const)))
      return all.map(([key, lines]) => [key, lines.map((line) => `${line}${PAD}`.slice(0, 12))])
    },
  },
  // Sums of fractions show the order of additions, and each run of the combiner leaves its mark.
  {
    options: {
      dataset: 'lines',
      map: `(line, ctx) => {
        ctx.count('lines')
        for (const word of line.split(' ').slice(1)) ctx.emit(word.length * 100 + word.charCodeAt(1), 1 / (line.length + word.charCodeAt(1)))
      }`,
      combine: `(key, values) => values.reduce((sum, value) => sum + value, ${COMBINED})`,
      reduce:
        '(key, values, ctx) => { ctx.count("keys"); return values.reduce((sum, value) => sum + value, 0) }',
    },
    plain: (shards) => {
      const combined = shards.flatMap((lines) => {
        const emitted = lines.flatMap((line) =>
          wordsOf(line).map((word) => {
            const unit = word.charCodeAt(1)
            return [word.length * 100 + unit, 1 / (line.length + unit)] as const
          }),
        )
        return group(emitted).map(([key, values]) => [key, sum(values, COMBINED)] as const)
      })
      return group(combined).map(([key, values]) => [key, sum(values, 0)])
    },
  },
  {
    options: {
      dataset: 'lines',
      map: `(line, ctx) => {
        if (line.startsWith('${BAD_RECORD}')) throw new RangeError('${REASON}')
        ctx.emit(line, '${PAD}')
      }`,
    },
  },
]

/** What of the stories' own dangers has happened. */
export interface JobDangers {
  clones: number
  lost: number
  rerun: number
  together: number
  failed: number
  cancelled: number
}

interface Submitted {
  readonly work: Work
  readonly job: Job
  isCancelled?: boolean
  outcome?: Pairs | JobError
  /** The tasks as they stood when the job had ended, and shards that nobody had then. */
  atEnd?: string
  missing?: number
}

/** Several jobs at once of two tabs, while the others die, leave, freeze and lose sight of each other. */
export class JobStory {
  readonly sim: Simulation
  readonly #room: JobRoom
  readonly #texts: readonly string[]
  readonly #submitted: Submitted[] = []

  constructor(seed: number, sabotage: JobSabotage = {}) {
    const { random } = createSimulation(seed * 41 + 17)
    const pick = (from: number, to: number) => from + Math.floor(random.float() * (to - from + 1))
    const path = { latencyMs: 1 + random.float() * 25, jitterMs: random.float() * 10, loss: 0 }
    this.sim = createSimulation(seed, { path })
    const line = (n: number) =>
      `${n} ${Array.from({ length: pick(1, 5) }, () => `w${pick(0, 30)}`).join(' ')}\n`
    this.#texts = Array.from({ length: pick(6, 14) }, (_, shard) =>
      Array.from({ length: pick(4, 14) }, (_, n) => line(shard * 100 + n)).join(''),
    )
    const slow = pick(2, 3)
    const taskMs = pick(100, 900)
    this.#room = new JobRoom(this.sim, {
      tabs: pick(4, 6),
      shards: this.#texts,
      slots: pick(1, 2),
      taskMs: ({ index }) => (index === slow ? taskMs * 6 : taskMs) * (0.2 + this.sim.random.float()),
      sabotage,
    })
  }

  async play(): Promise<void> {
    const { sim } = this
    await this.#room.begin()
    this.#room.spread(2)
    const count = 3 + Math.floor(sim.random.float() * 3)
    for (let n = 0; n < count; n++) this.#submit(n)
    for (let step = 0; step < 4; step++) {
      await sim.run(sim.random.float() * 1200)
      this.#fault()
      if (sim.random.float() < 0.1) this.#cancel()
    }
    await sim.run(2000)
    sim.network.heal()
    const areOver = () => this.#submitted.every(({ outcome }) => outcome !== undefined)
    await sim.runUntil(areOver, JOB_LIMIT_MS, 'the end of all jobs')
    await sim.run(AFTER_MS)
  }

  /** Throws with the seed for what a plain run of the same records would not have given. */
  check(): void {
    for (const [n, submitted] of this.#submitted.entries()) {
      const violation = this.#violation(submitted)
      if (violation !== undefined) throw this.sim.failure(`job ${n}: ${violation}`)
    }
  }

  countDangers(into: JobDangers): void {
    into.together = Math.max(into.together, this.#submitted.length)
    for (const { job, outcome } of this.#submitted) {
      if (outcome instanceof JobError && outcome.code === 'task-failed') into.failed++
      if (outcome instanceof JobError && outcome.code === 'cancelled') into.cancelled++
      for (const { attempts } of job.getSnapshot().tasks) {
        for (const { state, reason = '' } of attempts) {
          if (state === 'discarded') into.clones++
          if (reason === 'the peer has gone') into.lost++
          if (reason.includes('output')) into.rerun++
        }
      }
    }
  }

  #violation(submitted: Submitted): string | undefined {
    const { work, job, outcome, atEnd } = submitted
    if (tasksOf(job) !== atEnd) return 'something was committed after the end'
    if (outcome instanceof JobError) {
      const isRight = isGoodReason(outcome, submitted) && job.getSnapshot().error === outcome
      return isRight ? undefined : `it failed without its reason: ${outcome.code} ${outcome.message}`
    }
    if (!work.plain) return 'it is done though its code fails'
    return this.#difference(job, outcome ?? [], work.plain)
  }

  #difference(job: Job, outcome: Pairs, plain: NonNullable<Work['plain']>): string | undefined {
    const snapshot = job.getSnapshot()
    for (const { id, state, attempts } of snapshot.tasks) {
      const committed = attempts.filter((attempt) => attempt.state === 'committed').length
      if (state !== 'committed' || committed !== 1)
        return `${id} is ${state} with ${committed} committed attempts`
    }
    const shards = this.#texts.map((text) => text.split('\n').slice(0, -1))
    const expected = plain(shards)
    const different = firstDifference(outcome, expected)
    if (different !== undefined) return `the result differs: ${different}`
    const lines = shards.flat().length
    const { recordsRead, tasksLocal, tasksMoved, user } = snapshot.counters
    const told = [tasksLocal + tasksMoved, recordsRead, user['lines'], user['keys']].join()
    const right = [shards.length, lines, lines, expected.length].join()
    return told === right ? undefined : `the counters are ${told}, not ${right}`
  }

  #submit(n: number): void {
    const by = this.#room.at(n % 2)
    const work = WORKS[n % WORKS.length] as Work
    const partitions = 1 + Math.floor(this.sim.random.float() * 4)
    const job = by.compute.jobs.mapReduce({ ...work.options, partitions, taskTimeoutMs: 20_000 })
    const submitted: Submitted = { work, job }
    this.#submitted.push(submitted)
    const end = (outcome: Pairs | JobError) => {
      submitted.atEnd = tasksOf(job)
      submitted.missing = this.#room.missingShards(n % 2)
      submitted.outcome = outcome
    }
    job.result().then(end, (error: JobError) => end(error))
  }

  #cancel(): void {
    const running = this.#submitted.filter(({ outcome }) => outcome === undefined)
    const submitted = running[Math.floor(this.sim.random.float() * running.length)]
    if (!submitted) return
    this.sim.note(`cancel job ${this.#submitted.indexOf(submitted)}`)
    submitted.isCancelled = true
    submitted.job.cancel('by hand')
  }

  /** Never of a submitter: its jobs go with it. */
  #fault(): void {
    const { sim } = this
    const others = this.#room.members.slice(2)
    const victim = others[Math.floor(sim.random.float() * others.length)] as JobTab
    const kind = sim.random.float()
    if (kind < 0.3) victim.tab.kill()
    else if (kind < 0.4) {
      victim.compute.close()
      void victim.room.leave()
    } else if (kind < 0.65) victim.tab.pause(300 + sim.random.float() * 4000)
    else {
      const other = this.#room.members[Math.floor(sim.random.float() * this.#room.members.length)] as JobTab
      if (other !== victim) sim.network.partition([victim.tab.peerId], [other.tab.peerId])
    }
  }
}

function isGoodReason({ code, message, record }: JobError, { work, ...job }: Submitted): boolean {
  if (code === 'cancelled') return job.isCancelled === true && message.includes('by hand')
  if (code === 'shards-missing') return (job.missing ?? 0) > 0
  const isOwn = code === 'task-failed' && work.plain === undefined
  return isOwn && message.includes(REASON) && record?.startsWith(BAD_RECORD) === true
}

/** Every task with the states of its attempts. */
function tasksOf(job: Job): string {
  const { tasks } = job.getSnapshot()
  return tasks.map(({ id, attempts }) => `${id}:${attempts.map(({ state }) => state)}`).join(' ')
}

function wordsOf(line: string): string[] {
  return line.split(' ').slice(1)
}

/** Each key once, in order, with its values as they came. */
function group<K extends JobKey, V>(emitted: readonly (readonly [K, V])[]): [K, V[]][] {
  const groups = new Map<K, V[]>()
  for (const [key, value] of emitted) groups.set(key, [...(groups.get(key) ?? []), value])
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
}

function sum(values: readonly number[], from: number): number {
  return values.reduce((total, value) => total + value, from)
}

function firstDifference(found: Pairs, expected: Pairs): string | undefined {
  const length = Math.max(found.length, expected.length)
  for (let i = 0; i < length; i++) {
    const [is, should] = [JSON.stringify(found[i]), JSON.stringify(expected[i])]
    if (is !== should) return `pair ${i} is ${is?.slice(0, 200)}, not ${should?.slice(0, 200)}`
  }
  return undefined
}
