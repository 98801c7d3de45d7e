import { describe, expect, test } from 'vitest'
import { seedsOf } from '../support/sim/seeds.ts'
import { judge, playQueueStory } from './queue-acts.ts'

const SEEDS = seedsOf(300)
const STEPS = 10
/** So far all checks were tried. */
const WHOLE_UP_TO = 110
/** Found: an answer that was overtaken by the news after it left an owner unknown for good (60). */
const FAILED_ONCE = [60]

const play = (seed: number) => playQueueStory(seed, { isPiped: true }, STEPS)

describe('transactions in a room with faults', () => {
  test(
    `QUE43 ${SEEDS.length} seeds: what is brought from one queue to two arrives in both, and leaves where it was`,
    async () => {
      let committed = 0
      for (const seed of SEEDS) {
        const { story } = await play(seed)
        committed += story.history.transfers.filter(({ outcome }) => outcome?.how === 'committed').length
        judge(story, WHOLE_UP_TO)
      }
      console.info(`${committed} transactions were committed`)
      expect(committed).toBeGreaterThan(SEEDS.length)
    },
    SEEDS.length * 6_000,
  )

  test('QUE43 seeds that failed once', async () => {
    for (const seed of FAILED_ONCE) judge((await play(seed)).story, WHOLE_UP_TO)
  })
})
