import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Actor, LINK_MS } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

const LINES = Array.from({ length: 400 }, (_, line) => `${line}`.padStart(59, '.')).join('\n')
const SMALL_SHARDS = { format: 'text', shardBytes: 4_096, replicas: 2 } as const

test.describe('tabs of one browser profile', () => {
  test('two of them are two peers with stores of their own', async ({ alice }) => {
    await alice.opens('/#new')
    const second = await alice.opensSecondTab('Second', await alice.invite())
    expect(await second.id()).not.toBe(await alice.id())
    await alice.sees(second)
    await alice.adds('lines.txt', LINES, SMALL_SHARDS)
    expect(await alice.holdsShards()).toBe(await second.holdsShards())
    const stores = await alice.tells(async () => (await indexedDB.databases()).map(({ name }) => name))
    expect(new Set(stores).size).toBe(stores.length)
  })

  test('each gets its own slot back after a reload, whatever the order', async ({ alice }) => {
    await alice.opens('/#new')
    const second = await alice.opensSecondTab('Second', await alice.invite())
    const ids = [await alice.id(), await second.id()]
    await Promise.all([second.reloads(), alice.reloads()])
    expect([await alice.id(), await second.id()].sort()).toEqual(ids.sort())
    await alice.sees(second)
  })

  test('a third tab takes the lowest slot that is free', async ({ alice }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    const second = await alice.opensSecondTab('Second', invite)
    const id = await second.id()
    await second.leaves()
    await alice.misses(id, 1_000)
    const third = await alice.opensSecondTab('Third', invite)
    expect(await third.id()).toBe(id)
  })

  test('a duplicated tab, with all that the first one’s session storage says, is a peer of its own', async ({
    alice,
  }) => {
    await alice.opens('/#new')
    const opened = alice.context.waitForEvent('page')
    await alice.tells(() => {
      window.open(location.href)
    })
    const duplicate = await opened
    const id = await alice.id()
    // Asked anew each time: one long question of the driver may stay with the empty page that a new window begins with.
    await expect(async () => {
      const duplicateId = await duplicate.evaluate(() => window.tabmesh?.id)
      expect(duplicateId).toBeDefined()
      expect(duplicateId).not.toBe(id)
    }).toPass({ timeout: LINK_MS })
    await alice.hasPeers(1)
  })

  test('replicas go to another device while there is one', async ({ alice, bob }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    const second = await alice.opensSecondTab('Second', invite)
    await bob.opens(invite)
    for (const actor of [alice, second, bob]) await actor.hasPeers(2)
    await alice.adds('lines.txt', LINES, SMALL_SHARDS)
    const bobId = await bob.id()
    const isOnBob = await alice.tells(
      (id) =>
        window.tabmesh?.datasets
          .get('lines.txt')
          ?.shards()
          .map((shard) => shard.holders.includes(id as never)),
      bobId,
    )
    expect(isOnBob?.every((one) => one)).toBe(true)
  })
})

test.describe('a browser that starts again', () => {
  test('is the same peer with the same data', async ({
    server,
    playwright,
    browserName,
    launchOptions,
    channel,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'tabmesh-profile-'))
    const start = () =>
      playwright[browserName as 'chromium' | 'firefox'].launchPersistentContext(folder, {
        ...launchOptions,
        ...(channel === undefined ? {} : { channel }),
      })
    try {
      const first = await start()
      const alice = await Actor.inContext('Alice', server, first)
      await alice.opens('/#new')
      await alice.adds('lines.txt', LINES, SMALL_SHARDS)
      const id = await alice.id()
      const roomId = await alice.tells(() => window.tabmesh?.roomId)
      await first.close()
      const second = await start()
      const again = await Actor.inContext('Alice', server, second)
      await again.opens(`/#${roomId}`)
      expect(await again.id()).toBe(id)
      expect(await again.reads('lines.txt')).toEqual(LINES.split('\n'))
      await second.close()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
