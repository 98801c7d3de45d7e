import { randomBelow } from '../../web/base/index.ts'
import type { Sabotage } from '../support/sim/messaging-tab.ts'
import { QueueStory, type StoryOptions } from './queue-story.ts'

const SECOND = 1_000
const TABS = 4
/** Messages that are waiting when the first of them goes. */
const BURST = 240
const ROUNDS = 2

/** What befalls a busy room. */
export type BusyKind = keyof typeof OPTIONS

/** Windows of a few messages, hands full of them, each held for seconds, some given back. */
const SLOW = { hands: 6, holdMs: 4 * SECOND, failing: 0.1, prefetch: 3_000 }

/** So that two may die at one moment. */
const THREE = { copies: 3 }

const OPTIONS = {
  quiet: { work: SLOW },
  deaths: { work: SLOW, settings: THREE },
  lone: { work: { ...SLOW, failing: 0, isExclusive: true }, settings: THREE },
  groups: { work: { ...SLOW, failing: 0 }, settings: THREE },
  sleeps: { work: SLOW },
  naps: { work: { ...SLOW, holdMs: 300, failing: 0 } },
  splits: { work: SLOW },
  disks: { work: { ...SLOW, hands: 2, holdMs: 8 * SECOND } },
  transfers: { work: { ...SLOW, hands: 4, holdMs: SECOND }, isPiped: true, settings: THREE },
} satisfies Readonly<Record<string, Partial<StoryOptions>>>

export const BUSY_KINDS = Object.keys(OPTIONS) as readonly BusyKind[]

/** With a fault in it, it may never be drained; then its history says the more. */
export interface Busy {
  readonly story: QueueStory
  readonly failure: unknown
}

/**
 * A room of four with hundreds of messages under way, windows and hands full, while something befalls those who own, keep or
 * consume the queue; then everything is drained.
 */
export async function playBusyStory(seed: number, kind: BusyKind, sabotage: Sabotage = {}): Promise<Busy> {
  const story = await QueueStory.begin(seed, { tabs: TABS, sabotage, ...OPTIONS[kind] })
  await story.sim.run(3 * SECOND)
  for (let index = 0; index < TABS; index++) story.consume(index)
  await story.sim.run(SECOND)
  burst(story, kind, kind === 'transfers' ? BURST / 4 : BURST)
  for (let round = 0; round < ROUNDS; round++) {
    await story.sim.run(SECOND + randomBelow(story.sim.random, 3 * SECOND))
    await befall(story, kind)
    burst(story, kind, BURST / 8)
    await story.sim.run(randomBelow(story.sim.random, 4 * SECOND))
  }
  const failure = await story.drain().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { story, failure }
}

function burst(story: QueueStory, kind: BusyKind, count: number): void {
  const { sim } = story
  for (let n = 0; n < count; n++) {
    const index = randomBelow(sim.random, TABS)
    const group = kind === 'groups' ? `g${randomBelow(sim.random, 6)}` : undefined
    const priority = kind !== 'groups' && randomBelow(sim.random, 10) === 0 ? 7 : 4
    const dedupId = kind === 'deaths' && n % 8 === 0 ? `d${randomBelow(sim.random, 12)}` : undefined
    story.send(index, { priority, ...(group ? { group } : {}), ...(dedupId ? { dedupId } : {}) })
  }
}

async function befall(story: QueueStory, kind: BusyKind): Promise<void> {
  const { sim } = story
  const owner = await story.owner()
  const consumer = (owner + 1 + randomBelow(sim.random, TABS - 1)) % TABS
  switch (kind) {
    case 'quiet': {
      const other = (consumer + 1) % TABS
      if (kind === 'quiet') story.breakLink(owner, consumer)
      story.stopConsuming(other)
      await sim.run(2 * SECOND)
      story.consume(other)
      break
    }
    case 'sleeps': {
      const sleeper = randomBelow(sim.random, 2) === 0 ? owner : consumer
      const ms = 5 * SECOND + randomBelow(sim.random, 35 * SECOND)
      story.sleep(sleeper, ms)
      await sim.run(ms + 10 * SECOND)
      break
    }
    case 'naps': {
      for (let nap = 0; nap < 3; nap++) await fallAsleepAtWork(story, await story.owner())
      break
    }
    case 'splits': {
      await split(story, randomBelow(sim.random, 2) === 0 ? [owner] : [owner, consumer])
      break
    }
    case 'disks':
      await story.loseDisk(owner)
      break
    default:
      await die(story, owner, consumer)
  }
}

/** The owner falls asleep while copies are on their way, and answers to it are the first that it hears when it wakes. */
async function fallAsleepAtWork(story: QueueStory, owner: number): Promise<void> {
  const { sim } = story
  burst(story, 'naps', 60)
  await sim.run(randomBelow(sim.random, 40))
  story.sleep(owner, 4.5 * SECOND + randomBelow(sim.random, 5 * SECOND))
  await sim.run(12 * SECOND)
}

/** One side works on, the other works too or waits until they are one again. */
async function split(story: QueueStory, side: readonly number[]): Promise<void> {
  const { sim } = story
  const others = [0, 1, 2, 3].filter((index) => !side.includes(index))
  const isIdle = randomBelow(sim.random, 2) === 0
  if (isIdle) for (const index of others) story.stopConsuming(index)
  story.cut(side, others)
  await sim.run(5 * SECOND + randomBelow(sim.random, 15 * SECOND))
  story.heal()
  await sim.run(15 * SECOND)
  for (const index of others) story.consume(index)
  await sim.run(5 * SECOND)
}

/** The owner dies, or a consumer, or both at one moment. */
async function die(story: QueueStory, owner: number, consumer: number): Promise<void> {
  const { sim } = story
  const which = randomBelow(sim.random, 4)
  const dying = which === 0 ? [owner] : which === 1 ? [consumer] : [owner, consumer]
  for (const index of dying) story.kill(index)
  await sim.run(SECOND + randomBelow(sim.random, 9 * SECOND))
  for (const index of dying) {
    await story.return(index)
    story.consume(index)
  }
}
