import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../web/messaging/index.ts'
import { QueueRoom } from '../support/queue-room.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A message that has failed once and waits a minute for its next attempt; a loop waits for it. */
async function failedOnce(seed: number) {
  const room = await QueueRoom.open(3, seed)
  const owner = await room.owner()
  const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
  await room.settle(room.queue(owner).send('job'))
  const loop = room.loop(first, { ack: 'individual' }, (delivery: Delivery) =>
    delivery.nack({ delayMs: MINUTE }),
  )
  await room.sim.runUntil(() => loop.got.length === 1, 5 * SECOND)
  await room.sim.run(SECOND)
  loop.stop()
  await room.sim.run(4 * SECOND)
  return { room, owner, second }
}

describe('QUE8 a delay before the next attempt', () => {
  test.each([1, 2, 3])('outlives the owner (seed %i)', async (seed) => {
    const { room, owner, second } = await failedOnce(seed)
    const next = room.loop(second)
    room.kill(owner)
    await room.sim.run(50 * SECOND)
    expect(next.bodies).toEqual([])
    await room.sim.run(15 * SECOND)
    expect(next.got.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([['job', 2]])
  })

  test('outlives the closing of all tabs', async () => {
    const { room, second } = await failedOnce(2)
    for (const index of [0, 1, 2]) room.kill(index)
    await room.sim.run(5 * SECOND)
    for (const index of [0, 1, 2]) await room.returns(index)
    await room.meets()
    const next = room.loop(second)
    await room.sim.run(35 * SECOND)
    expect(next.bodies).toEqual([])
    await room.sim.run(20 * SECOND)
    expect(next.got.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([['job', 2]])
  })
})

describe('QUE55 with clocks that are hours apart', () => {
  test.each([2 * HOUR, -2 * HOUR])(
    '%i ms: the next owner keeps what each message has left',
    async (offMs) => {
      for (const seed of [1, 2]) {
        const room = await QueueRoom.open(4, seed)
        await room.settle(room.queue(0, 'orders', { copies: 3 }).stats())
        const owner = await room.owner()
        const others = [0, 1, 2, 3].filter((index) => index !== owner)
        for (const index of others) room.sim.tab(index).setWall(offMs)
        const [sender, consumer] = others as [number, number]
        await room.settle(room.queue(sender).send('failing'))
        const failing = room.loop(consumer, { ack: 'individual' }, (delivery) =>
          delivery.nack({ delayMs: 2 * MINUTE }),
        )
        await room.sim.runUntil(() => failing.got.length === 1, 5 * SECOND)
        failing.stop()
        await room.sim.run(SECOND)
        await room.settle(room.queue(sender).send('delayed', { delayMs: 2 * MINUTE }))
        await room.settle(room.queue(sender).send('mortal', { ttlMs: 2 * MINUTE, headers: { held: true } }))
        await room.sim.run(5 * SECOND)
        room.kill(owner)
        await room.sim.run(30 * SECOND)
        const stats = await room.settle(room.queue(consumer).stats())
        expect(stats, `seed ${seed}`).toMatchObject({ messages: 3, ready: 1, scheduled: 2, expired: 0 })
        const loop = room.loop(consumer, { selector: 'held IS NULL' })
        await room.sim.run(60 * SECOND)
        expect(loop.bodies, `seed ${seed}`).toEqual([])
        await room.sim.run(45 * SECOND)
        expect([...loop.bodies].sort(), `seed ${seed}`).toEqual(['delayed', 'failing'])
        expect(await room.settle(room.queue(consumer).stats())).toMatchObject({ messages: 0, expired: 1 })
      }
    },
  )
})
