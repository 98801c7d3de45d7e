import { describe, expect, test } from 'vitest'
import { seedsOf } from '../support/sim/seeds.ts'
import { BUSY_KINDS, playBusyStory } from './queue-busy.ts'

/** Of each kind. */
const SEEDS = seedsOf(5)

describe('a busy room: hundreds of messages under way, windows and hands full', () => {
  test.each(BUSY_KINDS)(
    'QUE1 QUE4 QUE11 QUE20 %s: no checker finds anything',
    async (kind) => {
      let taken = 0
      for (const seed of SEEDS) {
        const { story, failure } = await playBusyStory(seed, kind)
        story.assertSound()
        if (failure) throw failure
        taken += story.history.takes.length
      }
      expect(taken).toBeGreaterThan(SEEDS.length * 50)
    },
    SEEDS.length * 20_000,
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
