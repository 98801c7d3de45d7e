import { describe, expect, test } from 'vitest'
import { seedsOf } from '../support/sim/seeds.ts'
import { judge, playQueueStory } from './queue-acts.ts'

const HARD_SEEDS = seedsOf(500)
/** So far all checks were tried. */
const HARD_WHOLE_UP_TO = 500
const LEISURELY_WHOLE_UP_TO = 300
const LEISURELY_SEEDS = seedsOf(300)

describe('a queue in a room with harder faults', () => {
  test(
    `QUE1 ${HARD_SEEDS.length} seeds with one-way cuts, flapping links, clocks that jump and disks that are lost`,
    async () => {
      for (const seed of HARD_SEEDS)
        judge((await playQueueStory(seed, { isHard: true })).story, HARD_WHOLE_UP_TO)
    },
    HARD_SEEDS.length * 6_000,
  )

  test(
    `QUE48 ${LEISURELY_SEEDS.length} seeds with a queue that is deleted now and then, lost disks and split rooms included`,
    async () => {
      let deletions = 0
      for (const seed of LEISURELY_SEEDS) {
        const played = await playQueueStory(seed, { isHard: seed % 2 === 0, isLeisurely: true })
        deletions += played.deletions
        judge(played.story, LEISURELY_WHOLE_UP_TO)
      }
      expect(deletions).toBeGreaterThan(LEISURELY_SEEDS.length / 4)
      console.info(`deleted ${deletions} times`)
    },
    LEISURELY_SEEDS.length * 8_000,
  )
})
