import { describe, expect, test } from 'vitest'
import type { Delivery, QueueSettings, SendOptions } from '../../../web/messaging/index.ts'
import { QueueRoom } from '../../support/queue-room.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'

const SECOND = 1_000

async function withQueue(settings: Partial<QueueSettings>, seed = 3) {
  const room = await QueueRoom.open(3, seed)
  await room.settle(room.queue(0, 'orders', settings).stats())
  const owner = await room.owner()
  const [other] = [0, 1, 2].filter((index) => index !== owner) as [number]
  const send = (body: unknown, options: SendOptions = {}) =>
    room.settle(room.queue(owner).send(body, options))
  return { room, owner, other, send }
}

async function waiting(room: QueueRoom, index: number): Promise<readonly unknown[]> {
  const bodies: unknown[] = []
  await room.settle(
    (async () => {
      for await (const { body } of room.queue(index).browse()) bodies.push(body)
    })(),
  )
  return bodies
}

const KEY = { headers: { key: 'a' } }

describe('QUE15 beside a newer value of its key', () => {
  test('what is given back goes', async () => {
    const { room, owner, other, send } = await withQueue({ lastValueKey: 'key' })
    await send('old', KEY)
    const holder = room.loop(other, { ack: 'individual' }, () => new Promise(() => {}))
    await room.sim.run(SECOND)
    expect(holder.bodies).toEqual(['old'])
    holder.stop()
    await send('new', KEY)
    await room.sim.run(5 * SECOND)
    expect(await waiting(room, owner)).toEqual(['new'])
  })

  test.each([
    ['at once', undefined],
    ['after a while', 5 * SECOND],
  ])('what has failed and is to come again %s goes', async (_, delayMs) => {
    const { room, owner, other, send } = await withQueue({ lastValueKey: 'key' })
    await send('old', KEY)
    const holder = room.loop(other, { ack: 'individual', prefetch: 0 }, () => new Promise(() => {}))
    await room.sim.run(SECOND)
    await send('new', KEY)
    await room.settle((holder.got[0] as Delivery).nack(delayMs === undefined ? {} : { delayMs }))
    expect(await waiting(room, owner)).toEqual(['new'])
    await room.sim.run(10 * SECOND)
    expect(await waiting(room, owner)).toEqual(['new'])
  })

  test('what waits for its next attempt goes when the newer one comes', async () => {
    const { room, owner, other, send } = await withQueue({ lastValueKey: 'key' })
    await send('old', KEY)
    const holder = room.loop(other, { ack: 'individual', prefetch: 0 }, () => new Promise(() => {}))
    await room.sim.run(SECOND)
    await room.settle((holder.got[0] as Delivery).nack({ delayMs: 5 * SECOND }))
    await send('new', KEY)
    expect(await waiting(room, owner)).toEqual(['new'])
  })

  test('one that falls due goes, and one that is not due yet removes nothing', async () => {
    const { room, owner, send } = await withQueue({ lastValueKey: 'key' })
    await send('present', KEY)
    await send('later', { ...KEY, delayMs: 5 * SECOND })
    expect(await waiting(room, owner)).toEqual(['present', 'later'])
    await room.sim.run(6 * SECOND)
    expect(await waiting(room, owner)).toEqual(['later'])
    await send('delayed', { ...KEY, delayMs: 5 * SECOND })
    await send('newest', KEY)
    await room.sim.run(6 * SECOND)
    expect(await waiting(room, owner)).toEqual(['newest'])
  })

  test('the next owner knows which is the newest', async () => {
    const { room, owner, other, send } = await withQueue({ lastValueKey: 'key', copies: 3 })
    await send('first', KEY)
    await send('later', { ...KEY, delayMs: 20 * SECOND })
    await send('second', KEY)
    room.kill(owner)
    await room.sim.run(40 * SECOND)
    expect(await waiting(room, other)).toEqual(['second'])
  })
})

describe('QUE16 a ring', () => {
  test('holds no more when messages are given back, or fall due', async () => {
    const { room, owner, other, send } = await withQueue({ ringSize: 2 })
    for (const body of [1, 2]) await send(body)
    const holder = room.loop(other, { ack: 'individual' }, () => new Promise(() => {}))
    await room.sim.run(SECOND)
    for (const body of [3, 4]) await send(body)
    holder.stop()
    await room.sim.run(5 * SECOND)
    expect(await waiting(room, owner)).toEqual([3, 4])
    await send(5, { delayMs: 2 * SECOND })
    await send(6)
    await room.sim.run(5 * SECOND)
    expect(await waiting(room, owner)).toEqual([5, 6])
  })
})

describe('QUE17 of a queue whose messages stay', () => {
  test('an ack or nack only moves its consumer on', async () => {
    const { room, owner, other, send } = await withQueue({ nonDestructive: true })
    for (const body of [1, 2, 3]) await send(body)
    const ways: ((delivery: Delivery) => Promise<void>)[] = [
      (delivery) => delivery.ack(),
      (delivery) => delivery.nack(),
      (delivery) => delivery.nack({ delayMs: SECOND }),
    ]
    const loops = ways.map((way) => room.loop(other, { ack: 'individual' }, way))
    await room.sim.run(10 * SECOND)
    for (const { bodies, errors } of loops) {
      expect(bodies).toEqual([1, 2, 3])
      expect(errors).toEqual([])
    }
    expect(await waiting(room, owner)).toEqual([1, 2, 3])
    expect(await room.settle(room.queue(owner).stats())).toMatchObject({
      messages: 3,
      delivering: 0,
      failed: 0,
      dead: 0,
    })
  })

  test('a transaction may ack one', async () => {
    const { room, other, send } = await withQueue({ nonDestructive: true })
    await send('look')
    const loop = room.loop(other, { ack: 'individual' }, () => new Promise(() => {}))
    await room.sim.run(SECOND)
    const { messaging } = room.tabs[other] as MessagingTab
    await room.settle(
      messaging.transaction((tx) => {
        tx.ack(loop.got[0] as Delivery)
        tx.queue('results').send('seen')
      }),
    )
    expect(await waiting(room, other)).toEqual(['look'])
  })

  test('a consumer goes on where it was when the owner dies, and may ack what it has in hand', async () => {
    const { room, owner, other, send } = await withQueue({ nonDestructive: true, copies: 3 })
    for (const body of [1, 2, 3, 4]) await send(body)
    const loop = room.loop(other, { ack: 'individual' }, async (delivery) => {
      if (delivery.body === 2) await room.sim.tab(other).sleep(10 * SECOND)
      await delivery.ack()
    })
    await room.sim.run(SECOND)
    room.kill(owner)
    await room.sim.run(30 * SECOND)
    expect(loop.errors).toEqual([])
    await room.settle(room.queue(other).send(5))
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual([1, 2, 3, 4, 5])
    expect(await waiting(room, other)).toEqual([1, 2, 3, 4, 5])
  })
})
