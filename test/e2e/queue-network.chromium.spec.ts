import type { CDPSession } from '@playwright/test'
import type { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { QueueStory } from './fixtures/queue-story.ts'

const LATENCY_MS = 50
const ROUNDS = 3
const OPEN = { offline: false, latency: LATENCY_MS, downloadThroughput: -1, uploadThroughput: -1 }

/** Chromium's driver shapes a page's network where it is asked to before the page makes its first connection. */
async function slowly(actor: Actor): Promise<CDPSession> {
  const session = await actor.context.newCDPSession(actor.page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', OPEN)
  return session
}

test('QUE1 on a slow network that is cut again and again, nothing that was confirmed is lost', async ({
  alice,
  bob,
  carol,
}) => {
  test.setTimeout(240_000)
  const actors = [alice, bob, carol]
  const sessions = new Map<Actor, CDPSession>()
  for (const actor of actors) sessions.set(actor, await slowly(actor))
  await alice.opens('/#new')
  const invite = await alice.invite()
  for (const actor of [bob, carol]) await actor.opens(invite)
  for (const actor of actors) await actor.hasPeers(2)
  const story = new QueueStory()
  for (const actor of actors) await story.joins(actor)
  for (let round = 0; round < ROUNDS; round++) {
    const cut = actors[round % actors.length] as Actor
    const before = story.taken.size
    await expect.poll(() => story.taken.size, { timeout: 40_000 }).toBeGreaterThan(before + 100)
    await sessions.get(cut)?.send('Network.emulateNetworkConditions', { ...OPEN, offline: true })
    const id = await cut.id()
    for (const actor of actors) if (actor !== cut) await actor.misses(id, 60_000)
    // The others go on without it.
    const meanwhile = story.taken.size
    await expect.poll(() => story.taken.size, { timeout: 40_000 }).toBeGreaterThan(meanwhile + 50)
    await sessions.get(cut)?.send('Network.emulateNetworkConditions', OPEN)
    for (const actor of actors) await actor.hasPeers(2, 60_000)
  }
  await story.drains(actors)
  expect(story.lost()).toEqual([])
  expect(story.unexpected()).toEqual([])
})
