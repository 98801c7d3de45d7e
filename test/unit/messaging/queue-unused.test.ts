import { describe, expect, test } from 'vitest'
import { every } from '../../../web/base/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

function queuesOf(room: QueueRoom, index: number): readonly string[] {
  return room.tabs[index]?.messaging.destinations.queues() ?? []
}

/** Sends one message, and has it taken by a loop that ends then. */
async function useOnce(room: QueueRoom, index: number, body: unknown): Promise<void> {
  const loop = room.loop(index)
  const before = loop.got.length
  await room.settle(room.queue(index).send(body))
  await room.sim.runUntil(() => loop.got.length > before, 10 * SECOND)
  await room.sim.run(SECOND)
  loop.stop()
  await room.sim.run(SECOND)
}

describe('QUE48 queues that nobody uses', () => {
  test('an empty one goes after half a minute, for everybody and with its settings', async () => {
    const room = await QueueRoom.open(3)
    room.queue(0, 'orders', { maxDeliveries: 3 })
    await useOnce(room, 0, 'first')
    expect(await failureOf(room.settle(room.queue(1, 'orders', { maxDeliveries: 4 }).stats()))).toMatchObject(
      {
        code: 'settings-conflict',
      },
    )
    await room.sim.run(20 * SECOND)
    expect(queuesOf(room, 2)).toEqual(['orders'])
    await room.sim.run(30 * SECOND)
    for (const index of [0, 1, 2]) expect(queuesOf(room, index)).toEqual([])
    expect((await room.settle(room.queue(1, 'orders').stats())).settings).toMatchObject({ maxDeliveries: 4 })
  })

  test('used again, it is a new one: its senders go on where they were, and nothing waits', async () => {
    const room = await QueueRoom.open(3)
    await useOnce(room, 0, 'first')
    await room.sim.run(MINUTE)
    const startedMs = room.sim.clock.now()
    const loop = room.loop(1)
    await room.settle(room.queue(0).send('second', { dedupId: 'a' }))
    await room.sim.runUntil(() => loop.got.length === 1, 10 * SECOND)
    expect(room.sim.clock.now() - startedMs).toBeLessThan(SECOND)
    expect(loop.bodies).toEqual(['second'])
    loop.stop()
    await room.sim.run(MINUTE)
    expect(queuesOf(room, 0)).toEqual([])
    // What is known of duplicates stays.
    expect(await room.settle(room.queue(0).send('again', { dedupId: 'a' }))).toMatchObject({
      isDuplicate: true,
    })
  })

  test('who looks at its figures just then does not make it again', async () => {
    const seen: string[][] = []
    for (let seed = 1; seed <= 3; seed++) {
      const room = await QueueRoom.open(3, seed)
      await useOnce(room, 0, 'first')
      await room.sim.run(26 * SECOND)
      const stops = room.tabs.map(({ tab }, index) =>
        every(tab.clock, 2 + seed, () => {
          for (const name of queuesOf(room, index))
            room
              .queue(index, name)
              .stats()
              .catch(() => {
                // It has gone meanwhile.
              })
        }),
      )
      await room.sim.run(12 * SECOND)
      for (const stop of stops) stop()
      seen.push([...queuesOf(room, 0)])
    }
    expect(seen).toEqual([[], [], []])
  })

  test('one that has messages, consumers or a subscription stays, and so does one that is to', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'full').send(1))
    room.loop(1, { queue: 'listened' })
    await room.settle(room.queue(0, 'kept', { autoDelete: false }).stats())
    await room.settle(room.queue(0, 'short').stats())
    const [first] = room.tabs
    await room.settle(
      first?.messaging.destinations.configure('wide.#', { autoDelete: false }) as Promise<void>,
    )
    await room.settle(room.queue(0, 'wide.one').stats())
    const end = new AbortController()
    const subscription = first?.messaging.topic('news').subscribe({ durable: 'reader', signal: end.signal })
    void (async () => {
      for await (const _ of subscription ?? []);
    })().catch(() => {
      // The test ends it.
    })
    await room.settle(subscription?.ready as Promise<void>)
    end.abort()
    await room.sim.run(3 * MINUTE)
    expect(queuesOf(room, 1)).toEqual(['SUB.reader', 'full', 'kept', 'listened', 'wide.one'])
    await room.settle(first?.messaging.topic('news').unsubscribe('reader') as Promise<void>)
    await room.sim.run(MINUTE)
    expect(queuesOf(room, 1)).not.toContain('SUB.reader')
  })

  test('a copy that was away when it went brings back nothing that was finished', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0).send('once'))
    const { holders } = await room.settle(room.queue(0).stats())
    const away = room.tabs.findIndex(({ tab }) => tab.peerId === holders[1])
    const [here] = [0, 1, 2].filter((index) => index !== away) as [number]
    room.kill(away)
    await room.sim.run(20 * SECOND)
    const loop = room.loop(here)
    await room.sim.runUntil(() => loop.got.length === 1, 20 * SECOND)
    await room.sim.run(SECOND)
    loop.stop()
    await room.sim.run(MINUTE)
    expect(queuesOf(room, here)).toEqual([])
    await room.returns(away)
    const again = room.loop(away)
    await room.sim.run(30 * SECOND)
    expect(again.bodies).toEqual([])
    again.stop()
    await room.sim.run(MINUTE)
    for (const index of [0, 1, 2]) expect(queuesOf(room, index)).toEqual([])
  })

  test('deleted on one side of a split while the other goes on, it is whole when the room is', async () => {
    const room = await QueueRoom.open(4)
    for (const body of ['x', 'y']) await room.settle(room.queue(0).send(body))
    const { holders } = await room.settle(room.queue(0).stats())
    const [first, second] = holders
    const rest = room.tabs.map(({ tab }) => tab.peerId).filter((peer) => peer !== first && peer !== second)
    const side = [first, rest[0]] as [never, never]
    room.sim.network.partition(side, [second, rest[1]] as [never, never])
    await room.sim.run(15 * SECOND)
    const here = room.tabs.findIndex(({ tab }) => tab.peerId === rest[0])
    const there = room.tabs.findIndex(({ tab }) => tab.peerId === rest[1])
    const loop = room.loop(here)
    await room.sim.runUntil(() => loop.got.length === 2, 20 * SECOND)
    await room.sim.run(SECOND)
    loop.stop()
    await room.settle(room.queue(there).send('z'), MINUTE)
    await room.sim.run(MINUTE)
    expect(queuesOf(room, here)).toEqual([])
    expect(queuesOf(room, there)).toEqual(['orders'])
    room.sim.network.heal()
    await room.sim.run(30 * SECOND)
    const after = room.loop(here)
    await room.sim.run(10 * SECOND)
    expect(after.bodies).toEqual(['z'])
  })

  test('it goes though its owner or a copy dies just then, and all come back', async () => {
    for (const victim of [0, 1]) {
      const room = await QueueRoom.open(3)
      await useOnce(room, 0, 'first')
      const { holders } = await room.settle(room.queue(0).stats())
      const dying = room.tabs.findIndex(({ tab }) => tab.peerId === holders[victim])
      await room.sim.runUntil(() => [0, 1, 2].some((index) => queuesOf(room, index).length === 0), MINUTE)
      room.kill(dying)
      await room.sim.run(20 * SECOND)
      await room.returns(dying)
      await room.sim.run(2 * MINUTE)
      for (const index of [0, 1, 2]) expect(queuesOf(room, index)).toEqual([])
      const loop = room.loop(dying)
      await room.settle(room.queue(dying).send('next'))
      await room.sim.runUntil(() => loop.got.length > 0, 20 * SECOND)
      expect(loop.bodies).toEqual(['next'])
    }
  })

  test('after a reload of everybody it is still gone, and nothing of it comes again', async () => {
    const room = await QueueRoom.open(2)
    await useOnce(room, 0, 'first')
    await room.sim.run(MINUTE)
    for (const index of [0, 1]) room.kill(index)
    for (const index of [0, 1]) await room.returns(index)
    await room.sim.run(20 * SECOND)
    expect(queuesOf(room, 0)).toEqual([])
    const loop = room.loop(1)
    await room.settle(room.queue(0).send('second'))
    await room.sim.run(10 * SECOND)
    expect(loop.bodies).toEqual(['second'])
  })

  test('who sends while it goes is heard', async () => {
    const room = await QueueRoom.open(3)
    await useOnce(room, 0, 'first')
    // Each at another distance from the moment of the deletion.
    for (let number = 0; number < 30; number++) {
      await room.sim.run(27 * SECOND + 300 * number)
      await room.settle(room.queue(number % 3).send(number))
      const loop = room.loop(1)
      await room.sim.run(2 * SECOND)
      loop.stop()
      expect(loop.bodies).toEqual([number])
    }
  })
})
