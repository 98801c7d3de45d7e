import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../web/base/index.ts'
import { QueueRoom } from '../support/queue-room.ts'
import type { MessagingTab } from '../support/sim/messaging-tab.ts'

const SECOND = 1_000

function peer(room: QueueRoom, index: number): PeerId {
  return (room.tabs[index] as MessagingTab).tab.peerId
}

function numbers(count: number, from = 0): readonly number[] {
  return Array.from({ length: count }, (_, at) => from + at)
}

describe('a sender that dies', () => {
  test('QUE1 right after it was told: the message comes out', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0).send('told'))
    room.kill(0)
    const loop = room.loop(1)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(['told'])
  })

  test('QUE19 at any moment before: its next life sends it again, and it comes out once', async () => {
    for (const afterMs of numbers(40)) {
      const room = await QueueRoom.open(3, afterMs + 1)
      await room.settle(room.queue(0).stats())
      const loop = room.loop(1, { ack: 'individual' }, (delivery) => delivery.ack())
      await room.sim.run(SECOND)
      const sent = room.queue(2).send('once', { level: 'accepted' })
      sent.catch(() => {})
      await room.sim.run(afterMs)
      room.kill(2)
      await room.returns(2)
      await room.sim.run(30 * SECOND)
      expect(loop.bodies.length, `killed after ${afterMs} ms`).toBeLessThanOrEqual(1)
      if (afterMs > 10) expect(loop.bodies, `killed after ${afterMs} ms`).toEqual(['once'])
    }
  })
})

test('QUE20 a consumer that dies between the work and the ack: another gets it, counted', async () => {
  const room = await QueueRoom.open(3)
  await room.settle(room.queue(0).send('work'))
  const owner = await room.owner()
  const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
  const dying = room.loop(first, { ack: 'individual' })
  await room.sim.run(SECOND)
  expect(dying.bodies).toEqual(['work'])
  room.kill(first)
  const other = room.loop(second)
  await room.sim.run(20 * SECOND)
  expect(other.got.map(({ body, deliveryCount, redelivered }) => [body, deliveryCount, redelivered])).toEqual(
    [['work', 2, true]],
  )
})

describe('a network that is not whole', () => {
  test.each([
    ['nothing reaches it', true],
    ['it reaches nobody', false],
  ])('QUE26 one member, of whom %s: no message is confirmed that nobody keeps', async (_, isDeaf) => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0).stats())
    const cut = await room.owner()
    const others = [0, 1, 2].filter((index) => index !== cut)
    const ids = others.map((index) => peer(room, index))
    const confirmed: number[] = []
    const send = (index: number, body: number) =>
      room
        .queue(index)
        .send(body)
        .then(
          () => confirmed.push(body),
          () => {},
        )
    if (isDeaf) room.sim.network.partition(ids, [peer(room, cut)], { oneWay: true })
    else room.sim.network.partition([peer(room, cut)], ids, { oneWay: true })
    for (const body of numbers(20)) {
      void send(body % 3, body)
      await room.sim.run(SECOND)
    }
    room.sim.network.heal()
    const loop = room.loop(others[0] as number)
    await room.sim.runUntil(() => confirmed.length === 20, 90 * SECOND, 'all are confirmed')
    await room.sim.run(40 * SECOND)
    expect([...new Set(loop.bodies)].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(20))
  })

  test('QUE26 four in a ring, no two opposite ones linked: everybody sends and consumes', async () => {
    const room = await QueueRoom.open(4)
    for (const [a, b] of [
      [0, 2],
      [1, 3],
    ] as const)
      room.sim.network.partition([peer(room, a)], [peer(room, b)])
    await room.sim.run(40 * SECOND)
    const loops = numbers(4).map((index) => room.loop(index))
    await room.sim.run(5 * SECOND)
    for (const body of numbers(12)) await room.settle(room.queue(body % 4).send(body), 90 * SECOND)
    await room.sim.run(10 * SECOND)
    const got = loops.flatMap(({ bodies }) => bodies).sort((a, b) => Number(a) - Number(b))
    expect(got).toEqual(numbers(12))
  })

  test('QUE4 with a fifth of the packets lost, late and out of turn, each sender’s order holds', async () => {
    const room = await QueueRoom.open(3, 5, { latencyMs: 40, jitterMs: 20, loss: 0.2, bytesPerMs: 125 })
    const owner = await room.owner()
    const senders = [0, 1, 2].filter((index) => index !== owner)
    const loop = room.loop(owner)
    await room.sim.run(3 * SECOND)
    const sent = senders.flatMap((index) => numbers(60).map((n) => room.queue(index).send([index, n])))
    await room.settle(Promise.all(sent), 240 * SECOND)
    await room.sim.runUntil(() => loop.bodies.length >= 120, 60 * SECOND)
    for (const index of senders) {
      const own = loop.bodies.flatMap((body) =>
        (body as number[])[0] === index ? [(body as number[])[1]] : [],
      )
      expect(own).toEqual(numbers(60))
    }
  })

  test('QUE1 links that come and go for five minutes: all that was confirmed comes out', async () => {
    const room = await QueueRoom.open(3, 9)
    const confirmed = new Set<number>()
    const loops = numbers(3).map((index) => room.loop(index))
    const [a, b, c] = numbers(3).map((index) => peer(room, index)) as [PeerId, PeerId, PeerId]
    const pairs = [
      [a, b],
      [b, c],
      [a, c],
    ] as const
    let body = 0
    for (let ms = 0; ms < 300 * SECOND; ms += 5 * SECOND) {
      const [from, to] = pairs[Math.floor(room.sim.random.float() * 3)] as (typeof pairs)[number]
      room.sim.network.breakConnections(from, to)
      for (const index of numbers(3)) {
        const mine = body++
        room
          .queue(index)
          .send(mine)
          .then(
            () => confirmed.add(mine),
            () => {},
          )
      }
      await room.sim.run(5 * SECOND)
    }
    await room.sim.run(60 * SECOND)
    const got = new Set(loops.flatMap(({ bodies }) => bodies))
    expect(confirmed.size).toBe(body)
    expect([...confirmed].filter((one) => !got.has(one))).toEqual([])
  })
})

test('QUE8 a message that kills whatever takes it ends among the dead letters; the others go on', async () => {
  const room = await QueueRoom.open(2)
  const queue = room.queue(0, 'orders', { maxDeliveries: 3 })
  for (const body of ['good', 'poison', 'fine']) await room.settle(queue.send(body))
  const done: unknown[] = []
  for (let life = 0; life < 5; life++) {
    const loop = room.loop(1, { ack: 'individual' }, async (delivery) => {
      if (delivery.body === 'poison') throw new Error('boom')
      await delivery.ack()
      done.push(delivery.body)
    })
    await room.sim.run(5 * SECOND)
    loop.stop()
    await room.sim.run(SECOND)
  }
  expect(done).toEqual(['good', 'fine'])
  const dead: unknown[] = []
  await room.settle(
    (async () => {
      for await (const { body } of room.queue(0, 'DLQ.orders').browse()) dead.push(body)
    })(),
  )
  expect(dead).toEqual(['poison'])
})
