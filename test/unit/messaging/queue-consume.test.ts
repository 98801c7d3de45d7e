import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000

/** A handler that never ends: the loop stays with its message in hand. */
const hold = () => new Promise<never>(() => {})

async function sendAll(
  room: QueueRoom,
  index: number,
  bodies: readonly unknown[],
  options = {},
): Promise<void> {
  await room.settle(Promise.all(bodies.map((body) => room.queue(index).send(body, options))))
}

describe('who gets what', () => {
  test('QUE3 each message goes to one consumer, in turn to those of one queue', async () => {
    const room = await QueueRoom.open(3)
    const [b, c] = [room.loop(1), room.loop(2)]
    await room.sim.run(SECOND)
    await sendAll(room, 0, [1, 2, 3, 4, 5, 6])
    await room.sim.run(SECOND)
    expect([...b.bodies, ...c.bodies].sort()).toEqual([1, 2, 3, 4, 5, 6])
    expect(b.bodies).toHaveLength(3)
    expect(c.bodies).toHaveLength(3)
  })

  test('QUE4 higher priorities first, each in the order of sending; default 4', async () => {
    const room = await QueueRoom.open(2)
    for (const [body, priority] of [
      ['a', 1],
      ['b', 9],
      ['c', undefined],
      ['d', 9],
      ['e', 0],
      ['f', 5],
    ] as const)
      await room.settle(room.queue(0).send(body, priority === undefined ? {} : { priority }))
    const loop = room.loop(1)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['b', 'd', 'f', 'c', 'a', 'e'])
    expect(loop.got[3]?.priority).toBe(4)
  })

  test('QUE4 a sender’s messages keep their order, also over a broken link', async () => {
    const room = await QueueRoom.open(3)
    const loop = room.loop(2)
    const bodies = Array.from({ length: 300 }, (_, n) => n)
    const sent = Promise.all(bodies.map((body) => room.queue(0).send(body)))
    await room.sim.run(3)
    const [a, b, c] = room.tabs.map(({ tab }) => tab.peerId) as [never, never, never]
    room.sim.network.breakConnections(a, b)
    room.sim.network.breakConnections(a, c)
    await room.settle(sent)
    await room.sim.runUntil(() => loop.bodies.length >= 300, 60_000)
    expect(loop.bodies).toEqual(bodies)
  })

  test('QUE13 a consumer of higher priority is served first, a lower one when that has no room', async () => {
    const room = await QueueRoom.open(3)
    const high = room.loop(1, { priority: 5, prefetch: 400 }, hold)
    const low = room.loop(2, { priority: 1 })
    await room.sim.run(SECOND)
    await sendAll(room, 0, ['a', 'b', 'c', 'd', 'e', 'f'])
    await room.sim.run(SECOND)
    expect(high.bodies).toEqual(['a'])
    // `high` holds one and its window has room for two or three more.
    expect(low.bodies.length).toBeGreaterThan(0)
    expect(low.bodies).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].slice(-low.bodies.length))
  })

  test('QUE12 an exclusive consumer is alone; the next takes its place', async () => {
    const room = await QueueRoom.open(3)
    const first = room.loop(1, { exclusive: true })
    const second = room.loop(2)
    await room.sim.run(SECOND)
    await sendAll(room, 0, [1, 2, 3])
    await room.sim.run(SECOND)
    expect([first.bodies, second.bodies]).toEqual([[1, 2, 3], []])
    first.stop()
    await room.sim.run(SECOND)
    await sendAll(room, 0, [4])
    await room.sim.run(SECOND)
    // The last that the first had in hand was not finished when it left.
    expect(second.bodies).toContain(4)
  })

  test('QUE11 a group goes to one consumer, and to another when that has gone', async () => {
    const room = await QueueRoom.open(3)
    const loops = [room.loop(1), room.loop(2)]
    await room.sim.run(SECOND)
    for (let n = 0; n < 4; n++) {
      await sendAll(room, 0, [`a${n}`], { group: 'a' })
      await sendAll(room, 0, [`b${n}`], { group: 'b' })
    }
    await room.sim.run(SECOND)
    const groups = loops.map(({ bodies }) => [...new Set(bodies.map((body) => String(body)[0]))])
    expect(groups.flat().sort()).toEqual(['a', 'b'])
    const holder = loops.findIndex(({ bodies }) => bodies.includes('a0'))
    room.kill(holder + 1)
    await room.sim.run(10 * SECOND)
    await sendAll(room, 0, ['a4'], { group: 'a' })
    await room.sim.run(SECOND)
    expect(loops[1 - holder]?.bodies).toContain('a4')
  })

  test('QUE14 a consumer gets no more than its window; with none each message is asked for', async () => {
    const room = await QueueRoom.open(3)
    await sendAll(
      room,
      0,
      Array.from({ length: 50 }, (_, n) => `message ${n}`),
    )
    const slow = room.loop(1, { prefetch: 0, ack: 'individual' }, hold)
    await room.sim.run(SECOND)
    expect((await room.settle(room.queue(0).stats())).delivering).toBe(1)
    expect(slow.bodies).toHaveLength(1)
    const other = room.loop(2, { prefetch: 1_000, ack: 'individual' }, hold)
    await room.sim.run(SECOND)
    const { delivering } = await room.settle(room.queue(0).stats())
    expect(other.bodies).toHaveLength(1)
    expect(delivering).toBeGreaterThan(2)
    expect(delivering).toBeLessThan(12)
  })

  test('QUE14 with no window the next comes when the loop asks', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, 0, [1, 2, 3])
    const loop = room.loop(1, { prefetch: 0 })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([1, 2, 3])
  })
})

describe('what becomes of a delivery', () => {
  test('QUE6 auto: finished when the loop asks for the next', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, 0, [1, 2])
    let next: (() => void) | undefined
    room.loop(
      1,
      {},
      () =>
        new Promise<void>((resolve) => {
          next = resolve
        }),
    )
    await room.sim.run(SECOND)
    expect((await room.settle(room.queue(0).stats())).messages).toBe(2)
    next?.()
    await room.sim.run(SECOND)
    expect((await room.settle(room.queue(0).stats())).messages).toBe(1)
  })

  test('QUE6 client: an ack finishes what came before it; individual: itself alone', async () => {
    for (const [ack, left] of [
      ['client', 2],
      ['individual', 4],
    ] as const) {
      const room = await QueueRoom.open(2)
      await sendAll(room, 0, [1, 2, 3, 4, 5])
      const loop = room.loop(1, { ack })
      await room.sim.run(SECOND)
      expect(loop.bodies).toEqual([1, 2, 3, 4, 5])
      await room.settle((loop.got[2] as Delivery).ack())
      expect((await room.settle(room.queue(0).stats())).messages).toBe(left)
    }
  })

  test('QUE6 pre: finished before the loop gets it, so lost with it', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, 0, [1])
    const loop = room.loop(1, { ack: 'pre' }, hold)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([1])
    expect((await room.settle(room.queue(0).stats())).messages).toBe(0)
  })

  test('QUE7 break gives back the rest without an attempt; what was in hand counts one', async () => {
    const room = await QueueRoom.open(3)
    await sendAll(room, 0, [1, 2, 3])
    const consumption = room.queue(1).consume()
    await room.settle(
      (async () => {
        for await (const delivery of consumption) if (delivery.body === 1) break
      })(),
    )
    await room.sim.run(SECOND)
    const loop = room.loop(2)
    await room.sim.run(SECOND)
    expect(
      loop.got.map(({ body, deliveryCount, redelivered }) => [body, deliveryCount, redelivered]),
    ).toEqual([
      [1, 2, true],
      [2, 1, false],
      [3, 1, false],
    ])
  })

  test('QUE7 a consumer that throws leaves its message for another, and is heard no more', async () => {
    const room = await QueueRoom.open(3)
    await sendAll(room, 0, ['bad', 'good'])
    const broken = room.loop(1, {}, () => {
      throw new Error('no')
    })
    await room.sim.run(SECOND)
    const loop = room.loop(2)
    await room.sim.run(SECOND)
    expect(broken.errors).toHaveLength(1)
    expect(loop.bodies).toEqual(['bad', 'good'])
    expect((await room.settle(room.queue(0).stats())).consumers).toBe(1)
  })

  test('QUE8 a failed message comes again after a growing delay, ten times, then it is a dead letter', async () => {
    const room = await QueueRoom.open(2)
    const settings = { redeliveryDelayMs: 100, redeliveryMultiplier: 2, maxRedeliveryDelayMs: 1_000 }
    const queue = room.queue(0, 'tries', settings)
    const { id } = await room.settle(queue.send('poison', { headers: { kind: 'x' } }))
    const times: number[] = []
    room.loop(1, { queue: 'tries', ack: 'individual' }, (delivery) => {
      times.push(room.sim.clock.now())
      return delivery.nack()
    })
    await room.sim.run(30 * SECOND)
    expect(times).toHaveLength(10)
    const waits = times.slice(1).map((time, at) => time - (times[at] as number))
    const wanted = [100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000]
    for (const [at, wait] of waits.entries()) expect(Math.abs(wait - (wanted[at] as number))).toBeLessThan(50)
    const dead = room.loop(0, { queue: 'DLQ.tries' })
    await room.sim.run(SECOND)
    expect(dead.bodies).toEqual(['poison'])
    expect(dead.got[0]?.headers).toMatchObject({
      kind: 'x',
      _AMQ_ORIG_ADDRESS: 'tries',
      _AMQ_ORIG_QUEUE: 'tries',
      _AMQ_ORIG_MESSAGE_ID: id,
      _TABMESH_ATTEMPTS: 10,
      _TABMESH_LAST_FAILURE: 'given-back',
    })
    expect(await room.settle(queue.stats())).toMatchObject({ messages: 0, dead: 1, failed: 10 })
  })

  test('QUE8 a dead letter whose consumer died says so', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'risky', { maxDeliveries: 1 }).send('bomb'))
    room.loop(2, { queue: 'risky', ack: 'individual' }, hold)
    await room.sim.run(SECOND)
    room.kill(2)
    await room.sim.run(30 * SECOND)
    const dead = room.loop(0, { queue: 'DLQ.risky' })
    await room.sim.run(SECOND)
    expect(dead.got[0]?.headers).toMatchObject({
      _TABMESH_ATTEMPTS: 1,
      _TABMESH_LAST_FAILURE: 'consumer-lost',
    })
  })

  test('QUE8 others overtake a message that waits for its next attempt; nack may name the delay', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, 0, ['late', 'next'])
    const loop = room.loop(1, { ack: 'individual' }, (delivery) =>
      delivery.body === 'late' && delivery.deliveryCount === 1
        ? delivery.nack({ delayMs: 5_000 })
        : delivery.ack(),
    )
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['late', 'next'])
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['late', 'next', 'late'])
  })

  test('QUE9 what expires goes to EXP with its original’s address and time, and to nobody else', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('old', { ttlMs: 2_000 }))
    await room.settle(room.queue(0).send('new'))
    await room.sim.run(3 * SECOND)
    const loop = room.loop(1)
    const expired = room.loop(1, { queue: 'EXP.orders' })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['new'])
    expect(expired.bodies).toEqual(['old'])
    expect(expired.got[0]?.headers['_AMQ_ORIG_ADDRESS']).toBe('orders')
    expect(expired.got[0]?.headers['_AMQ_ACTUAL_EXPIRY']).toBeGreaterThan(0)
  })

  test('QUE10 a scheduled message is nobody’s before its time, and then comes before those that came after it', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('later', { delayMs: 3_000 }))
    const loop = room.loop(1)
    await room.sim.run(2 * SECOND)
    expect(loop.bodies).toEqual([])
    expect((await room.settle(room.queue(0).stats())).scheduled).toBe(1)
    await room.sim.run(2 * SECOND)
    expect(loop.bodies).toEqual(['later'])
  })

  test('QUE20 an ack that comes after its lease has gone to another is refused', async () => {
    const room = await QueueRoom.open(3, 4)
    const owner = await room.owner()
    const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
    await sendAll(room, owner, ['job'])
    const frozen = room.loop(first, { ack: 'individual' })
    await room.sim.run(SECOND)
    expect(frozen.bodies).toEqual(['job'])
    room.sim.tab(first).pause(60_000)
    const other = room.loop(second, { ack: 'individual' })
    await room.sim.run(50 * SECOND)
    expect(other.bodies).toEqual(['job'])
    expect(other.got[0]).toMatchObject({ deliveryCount: 2, redelivered: true })
    await room.sim.run(11 * SECOND)
    expect(await failureOf(room.settle((frozen.got[0] as Delivery).ack()))).toMatchObject({
      code: 'lease-lost',
    })
    await room.settle((other.got[0] as Delivery).ack())
    expect((await room.settle(room.queue(owner).stats())).messages).toBe(0)
  })

  test('QUE14 a loop with a window of 0 that waited for a minute gets the next message', async () => {
    const room = await QueueRoom.open(2)
    const loop = room.loop(1, { prefetch: 0 })
    await room.sim.run(60 * SECOND)
    await sendAll(room, 0, ['late'])
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['late'])
  })

  test('QUE20 a second ack changes nothing, and a nack after an ack neither', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, 0, [1])
    const loop = room.loop(1, { ack: 'individual' })
    await room.sim.run(SECOND)
    const delivery = loop.got[0] as Delivery
    await room.settle(delivery.ack())
    await room.settle(delivery.ack())
    await room.settle(delivery.nack())
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([1])
  })
})
