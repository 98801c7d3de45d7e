import { randomBelow } from '../../web/base/index.ts'
import type { MessagingTab } from '../support/sim/messaging-tab.ts'
import { QUEUE, QueueStory } from './queue-story.ts'

export interface Harshness {
  readonly isPiped?: boolean
  /** More befalls them: one-way partitions, links that flap, clocks that are set, disks that are lost. */
  readonly isHard?: boolean
  /** Now and then nobody uses the queue for long enough that it is deleted. */
  readonly isLeisurely?: boolean
}

/** What every random story is judged by; by all checks up to the seed that its test names. */
const ALWAYS = ['lost', 'unexpected', 'doubled']

const SECOND = 1_000
const DAY = 86_400 * SECOND

/** Throws with the seed where a random story went wrong. */
export function judge(story: QueueStory, wholeUpTo: number): void {
  story.assertSound(story.sim.seed <= wholeUpTo ? undefined : ALWAYS)
}

/** A short story, and how often its queue was gone, for somebody at least. */
export interface Played {
  readonly story: QueueStory
  readonly deletions: number
}

/** Three tabs that consume, so many steps of what befalls them at random, and everything drained. */
export async function playQueueStory(seed: number, kind: Harshness = {}, steps = 14): Promise<Played> {
  const story = await QueueStory.begin(seed, { tabs: 3, isPiped: kind.isPiped ?? false })
  for (let index = 0; index < 3; index++) story.consume(index)
  let deletions = 0
  for (let step = 0; step < steps; step++) {
    if (kind.isLeisurely && randomBelow(story.sim.random, 4) === 0) deletions += (await rest(story)) ? 1 : 0
    await act(story, kind.isHard ?? false)
  }
  await story.drain()
  return { story, deletions }
}

async function act(story: QueueStory, isHard: boolean): Promise<void> {
  const { sim, size } = story
  const index = randomBelow(sim.random, size)
  const other = (index + 1 + randomBelow(sim.random, size - 1)) % size
  switch (randomBelow(sim.random, isHard ? 17 : 12)) {
    case 0:
      await story.restart(index)
      break
    case 1:
      story.cut([index], [other])
      break
    case 2:
      story.cut([index], story.others(index))
      break
    case 3:
      story.heal()
      break
    case 4:
      story.breakLink(index, other)
      break
    case 5:
      story.sleep(index, randomBelow(sim.random, 12_000))
      break
    case 6:
      story.stopConsuming(index)
      break
    case 7:
      story.consume(index)
      break
    case 12:
      story.cut([index], [other], { oneWay: true })
      break
    case 13:
      for (let flap = 0; flap < 6; flap++) {
        story.breakLink(index, other)
        await sim.run(randomBelow(sim.random, 600))
      }
      break
    case 14:
      story.setClock(index, (sim.random.float() * 2 - 1) * 10 * DAY)
      break
    case 15:
      await story.loseDisk(index)
      break
    default:
      for (let n = randomBelow(sim.random, 8); n >= 0; n--) story.send(index)
  }
  await sim.run(randomBelow(sim.random, 4_000))
}

/** The queue runs dry, and everybody leaves it alone for about as long as it takes to be deleted; true when it was. */
async function rest(story: QueueStory): Promise<boolean> {
  const { sim, size, tabs } = story
  for (let index = 0; index < size; index++) story.consume(index)
  await sim.run(randomBelow(sim.random, 6 * SECOND))
  for (let index = 0; index < size; index++) story.stopConsuming(index)
  await sim.run(25 * SECOND + randomBelow(sim.random, 30 * SECOND))
  const isGone = tabs.some(({ messaging }: MessagingTab) => !messaging.destinations.queues().includes(QUEUE))
  for (let index = 0; index < size; index++) if (sim.random.float() < 0.5) story.consume(index)
  return isGone
}
