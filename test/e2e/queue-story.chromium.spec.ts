import type { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { QueueStory } from './fixtures/queue-story.ts'

const STORY_MS = 60_000

/** Only Chromium's driver can kill one tab of a browser; a whole Firefox is killed in the mixed spec. */
test('QUE1 tabs killed and reloaded at random for a minute lose nothing that was confirmed', async ({
  alice,
  bob,
  carol,
  everybody,
}) => {
  test.setTimeout(240_000)
  await everybody.meets()
  const invite = await alice.invite()
  const story = new QueueStory()
  const actors: Actor[] = [alice, bob, carol]
  for (const actor of actors) await story.joins(actor)
  const endMs = performance.now() + STORY_MS
  for (let fault = 0; performance.now() < endMs; fault++) {
    const actor = actors[Math.floor(Math.random() * actors.length)] as Actor
    if (fault % 2 === 0) {
      await actor.reloads()
    } else {
      await actor.isKilled()
      await actor.opensAgain(invite)
    }
    await story.joins(actor)
    const before = story.taken.size
    await expect.poll(() => story.taken.size, { timeout: 40_000 }).toBeGreaterThan(before + 100)
  }
  await story.drains(actors)
  expect(story.lost()).toEqual([])
  expect(story.unexpected()).toEqual([])
  expect(story.confirmed.size).toBeGreaterThanOrEqual(5_000)
})
