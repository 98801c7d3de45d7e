import { describe, expect, test } from 'vitest'
import { FIRST_SEED, seedCount } from '../support/sim/seeds.ts'
import { BUSY_KINDS, playBusyStory } from './queue-busy.ts'

/** Of each kind. */
const SEEDS = seedCount(5)

describe('a busy room: hundreds of messages under way, windows and hands full', () => {
  test.each(BUSY_KINDS)(
    'QUE1 QUE4 QUE11 QUE20 %s: no checker finds anything',
    async (kind) => {
      let taken = 0
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const { story, failure } = await playBusyStory(seed, kind)
        story.assertSound()
        if (failure) throw failure
        taken += story.history.takes.length
      }
      expect(taken).toBeGreaterThan(SEEDS * 50)
    },
    SEEDS * 20_000,
  )

  /** Found: a device that kept a message from before did not hear how often it had failed since. */
  test('QUE8 seeds that failed once', async () => {
    for (const seed of [11, 30, 33]) {
      const { story, failure } = await playBusyStory(seed, 'deaths')
      story.assertSound()
      expect(failure).toBeUndefined()
    }
  })
})
