import { describe, expect, test } from 'vitest'
import { FIRST_SEED, seedCount } from '../support/sim/seeds.ts'
import { playQueueStory, totalQueue } from './queue-story.ts'

const HARD_SEEDS = seedCount(500)
const LEISURELY_SEEDS = seedCount(300)

describe('a queue in a room with harder faults', () => {
  test(
    `QUE1 ${HARD_SEEDS} seeds with one-way cuts, flapping links, clocks that jump and disks that are lost`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + HARD_SEEDS; seed++) {
        const story = await playQueueStory(seed, { isHard: true })
        const result = totalQueue(story)
        if (result.lost.length > 0 || result.unexpected.length > 0)
          throw story.sim.failure(JSON.stringify(result))
      }
    },
    HARD_SEEDS * 6_000,
  )

  test(
    `QUE48 ${LEISURELY_SEEDS} seeds with a queue that is deleted now and then, lost disks and split rooms included`,
    async () => {
      let deletions = 0
      for (let seed = FIRST_SEED; seed < FIRST_SEED + LEISURELY_SEEDS; seed++) {
        const story = await playQueueStory(seed, { isHard: seed % 2 === 0, isLeisurely: true })
        deletions += story.deletions
        const result = totalQueue(story)
        if (result.lost.length > 0 || result.unexpected.length > 0)
          throw story.sim.failure(JSON.stringify(result))
      }
      expect(deletions).toBeGreaterThan(LEISURELY_SEEDS / 4)
      console.info(`deleted ${deletions} times`)
    },
    LEISURELY_SEEDS * 8_000,
  )
})
