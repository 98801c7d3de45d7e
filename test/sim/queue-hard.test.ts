import { describe, expect, test } from 'vitest'
import { FIRST_SEED, seedCount } from '../support/sim/seeds.ts'
import { judge, playQueueStory } from './queue-acts.ts'

const HARD_SEEDS = seedCount(500)
const LEISURELY_SEEDS = seedCount(300)

describe('a queue in a room with harder faults', () => {
  test(
    `QUE1 ${HARD_SEEDS} seeds with one-way cuts, flapping links, clocks that jump and disks that are lost`,
    async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + HARD_SEEDS; seed++)
        judge((await playQueueStory(seed, { isHard: true })).story)
    },
    HARD_SEEDS * 6_000,
  )

  test(
    `QUE48 ${LEISURELY_SEEDS} seeds with a queue that is deleted now and then, lost disks and split rooms included`,
    async () => {
      let deletions = 0
      for (let seed = FIRST_SEED; seed < FIRST_SEED + LEISURELY_SEEDS; seed++) {
        const played = await playQueueStory(seed, { isHard: seed % 2 === 0, isLeisurely: true })
        deletions += played.deletions
        judge(played.story)
      }
      expect(deletions).toBeGreaterThan(LEISURELY_SEEDS / 4)
      console.info(`deleted ${deletions} times`)
    },
    LEISURELY_SEEDS * 8_000,
  )
})
