import { launchChromium, launchFirefox } from '../support/browsers.ts'
import { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { OwnFirefox } from './fixtures/own-firefox.ts'
import { QueueStory } from './fixtures/queue-story.ts'

const MIXED_STORY_MS = 60_000
/** The minute has shown something. */
const LEAST_CONFIRMED = 5_000
const LINES = Array.from({ length: 2_000 }, (_, line) => `${line}`.padStart(59, '.')).join('\n')

test.describe('Chromium with Firefox', () => {
  test('they meet, talk, share a file, and run a job over it from either side', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.says('from Chromium')
    await bob.hears('from Chromium')
    await bob.says('from Firefox')
    await alice.hears('from Firefox')
    await alice.adds('lines.txt', LINES, { format: 'text', shardBytes: 8_192, replicas: 2 })
    await bob.keeps('lines.txt', 2)
    expect(await bob.reads('lines.txt')).toEqual(LINES.split('\n'))
    const job = {
      map: '(line, ctx) => ctx.emit(line.length, 1)',
      reduce: '(key, values) => values.length',
    }
    expect((await alice.runsJob('lines.txt', job)).result).toEqual([[59, 2_000]])
    expect((await bob.runsJob('lines.txt', job)).result).toEqual([[59, 2_000]])
    await bob.closes()
    await alice.hasPeers(0, 1_000)
  })

  test('QUE1 tabs of both reloaded and killed at random for a minute lose nothing that was confirmed', async ({
    alice,
    carol,
    server,
    everybody,
  }) => {
    test.setTimeout(240_000)
    const firefox = await OwnFirefox.start('Dave', server)
    try {
      everybody.actors.push(firefox.actor)
      await everybody.meets()
      const invite = await alice.invite()
      const story = new QueueStory()
      for (const actor of [alice, carol, firefox.actor]) await story.joins(actor)
      const faults = [
        async () => {
          await alice.reloads()
          return alice
        },
        async () => {
          await carol.isKilled()
          await carol.opensAgain(invite)
          return carol
        },
        async () => {
          await firefox.actor.reloads()
          return firefox.actor
        },
        async () => {
          const id = await firefox.actor.id()
          await firefox.isKilledAndStarts()
          everybody.actors.push(firefox.actor)
          await story.listensTo(firefox.actor)
          await firefox.actor.opens(invite)
          expect(await firefox.actor.id()).toBe(id)
          return firefox.actor
        },
      ]
      const endMs = performance.now() + MIXED_STORY_MS
      for (let count = 0; performance.now() < endMs; count++) {
        const fault = faults[count % faults.length] as (typeof faults)[number]
        await story.joins(await fault())
        const before = story.taken.size
        await expect.poll(() => story.taken.size, { timeout: 40_000 }).toBeGreaterThan(before + 100)
      }
      await story.drains([alice, carol, firefox.actor])
      expect(story.lost()).toEqual([])
      expect(story.unexpected()).toEqual([])
      expect(story.confirmed.size).toBeGreaterThanOrEqual(LEAST_CONFIRMED)
    } finally {
      await firefox.ends()
    }
  })

  test('they meet with their local addresses hidden, as people’s browsers hide them', async ({ server }) => {
    const chromium = await launchChromium({ hidesAddresses: true })
    const firefox = await launchFirefox({ hidesAddresses: true })
    try {
      const alice = await Actor.create('Alice', server, chromium)
      const bob = await Actor.create('Bob', server, firefox)
      await alice.opens('/#new')
      await bob.opens(await alice.invite())
      await alice.sees(bob)
      await bob.says('hello')
      await alice.hears('hello')
    } finally {
      await chromium.close()
      await firefox.close()
    }
  })
})
