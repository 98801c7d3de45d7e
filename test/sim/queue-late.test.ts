import { describe, expect, test } from 'vitest'
import { RoomError } from '../../web/mesh/index.ts'
import type { AckMode, Delivery } from '../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../support/queue-room.ts'
import type { MessagingTab } from '../support/sim/messaging-tab.ts'
import { withRequest } from '../support/sim/taps.ts'

const SECOND = 1_000

type Settle = (delivery: Delivery) => Promise<void>

/** Somebody with a message in hand freezes; another gets it, works and acks. Then the first wakes. */
async function overtaken(frozenMs: number, seed: number, mode: AckMode = 'individual') {
  const room = await QueueRoom.open(3, seed)
  const owner = await room.owner()
  const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
  await room.settle(room.queue(owner).send('job'))
  const late = room.loop(first, { ack: mode }, () => new Promise(() => {}))
  await room.sim.runUntil(() => late.got.length === 1, 5 * SECOND)
  room.sim.tab(first).pause(frozenMs)
  const other = room.loop(second, { ack: 'individual' }, (delivery) => delivery.ack())
  const until = room.sim.clock.now() + frozenMs
  return { room, owner, first, second, late: late.got[0] as Delivery, other, until }
}

describe('a consumer that freezes with a message in hand, which another finishes meanwhile', () => {
  const ways: readonly (readonly [string, Settle])[] = [
    ['ack', (delivery) => delivery.ack()],
    ['nack', (delivery) => delivery.nack()],
  ]
  for (const [name, settle] of ways) {
    for (const frozenMs of [8_000, 20_000, 60_000]) {
      for (const afterMs of [0, 8_000]) {
        test(`QUE20 frozen for ${frozenMs} ms: its ${name} ${afterMs} ms after it woke is refused`, async () => {
          for (const seed of [1, 2]) {
            const { room, late, other, until } = await overtaken(frozenMs, seed)
            await room.sim.run(until - room.sim.clock.now() + afterMs)
            expect(other.bodies, `seed ${seed}`).toEqual(['job'])
            expect(await failureOf(room.settle(settle(late))), `seed ${seed}`).toMatchObject({
              code: 'lease-lost',
            })
          }
        })
      }
    }
  }
})

describe('what waits for the loop of a tab that slept', () => {
  const modes: readonly AckMode[] = ['auto', 'dups-ok', 'client', 'individual', 'pre']
  test.each(modes)('QUE20 is not given to it in mode %s where another finished it meanwhile', async (ack) => {
    for (const seed of [1, 2]) {
      const room = await QueueRoom.open(3, seed)
      const owner = await room.owner()
      const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
      const jobs = Array.from({ length: 20 }, (_, at) => at)
      await room.settle(Promise.all(jobs.map((job) => room.queue(owner).send(job))))
      // Its loop works on the first for three seconds; the rest waits in its tab.
      const late = room.loop(first, { ack }, () => room.sim.tab(first).sleep(3 * SECOND))
      await room.sim.runUntil(() => late.got.length === 1, 5 * SECOND)
      room.sim.tab(first).pause(20 * SECOND)
      const other = room.loop(second, { ack: 'individual' }, (delivery) => delivery.ack())
      await room.sim.run(120 * SECOND)
      const expected = ack === 'pre' ? jobs.slice(1) : jobs
      expect(other.bodies, `seed ${seed}`).toEqual(expected)
      expect(late.bodies, `seed ${seed}`).toEqual([0])
      expect((await room.settle(room.queue(owner).stats())).messages, `seed ${seed}`).toBe(0)
    }
  })

  test('QUE14 with a window of 0 it asks for one once', async () => {
    const room = await QueueRoom.open(3, 5)
    const owner = await room.owner()
    const [first] = [0, 1, 2].filter((index) => index !== owner) as [number]
    const loop = room.loop(first, { prefetch: 0, ack: 'individual' }, () => new Promise(() => {}))
    await room.sim.run(3 * SECOND)
    room.sim.tab(first).pause(20 * SECOND)
    await room.sim.run(40 * SECOND)
    await room.settle(Promise.all([1, 2, 3].map((job) => room.queue(owner).send(job))))
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual([1])
    expect(await room.settle(room.queue(owner).stats())).toMatchObject({ delivering: 1, ready: 2 })
  })
})

test('QUE41 a transaction of a tab that slept, whose attempt another has finished, is aborted', async () => {
  const { room, first, owner, late, other, until } = await overtaken(20_000, 2)
  await room.sim.run(until - room.sim.clock.now())
  expect(other.bodies).toEqual(['job'])
  const done = tab(room, first).messaging.transaction((tx) => {
    tx.ack(late)
    tx.queue('results').send('late')
  })
  expect(await failureOf(room.settle(done))).toMatchObject({ code: 'aborted', cause: { code: 'lease-lost' } })
  expect((await room.settle(room.queue(owner, 'results').stats())).messages).toBe(0)
})

describe('after the owner has died as well', () => {
  test('QUE20 the next owner refuses a late ack too', async () => {
    for (const seed of [1, 2]) {
      const room = await QueueRoom.open(4, seed)
      const owner = await room.owner()
      const [first, second, third] = [0, 1, 2, 3].filter((index) => index !== owner) as [
        number,
        number,
        number,
      ]
      await room.settle(room.queue(owner).send('job'))
      const late = room.loop(first, { ack: 'individual' }, () => new Promise(() => {}))
      await room.sim.runUntil(() => late.got.length === 1, 5 * SECOND)
      room.sim.tab(first).pause(40 * SECOND)
      const other = room.loop(second, { ack: 'individual' }, (delivery) => delivery.ack())
      await room.sim.run(15 * SECOND)
      room.kill(owner)
      await room.sim.run(27 * SECOND)
      expect(other.bodies, `seed ${seed}`).toEqual(['job'])
      expect(await failureOf(room.settle((late.got[0] as Delivery).ack())), `seed ${seed}`).toMatchObject({
        code: 'lease-lost',
      })
      expect(await room.owner('orders', third)).not.toBe(owner)
    }
  })

  test('QUE20 an ack of which the copies know before its answer is lost is confirmed by the next owner', async () => {
    let lost = 0
    for (let afterMs = 0; afterMs < 12; afterMs++) {
      const room = await QueueRoom.open(3, afterMs + 1)
      const owner = await room.owner()
      const holder = await copyHolder(room, owner)
      await room.settle(room.queue(owner).send('job'))
      const loop = room.loop(holder, { ack: 'individual' }, () => new Promise(() => {}))
      await room.sim.runUntil(() => loop.got.length === 1, 5 * SECOND)
      const acked = (loop.got[0] as Delivery).ack()
      await room.sim.run(afterMs)
      room.kill(owner)
      const isAcked = await room.settle(
        acked.then(
          () => true,
          () => false,
        ),
      )
      if (!isAcked) lost++
      await room.sim.run(10 * SECOND)
      expect((await room.settle(room.queue(holder).stats())).messages, `after ${afterMs} ms`).toBe(0)
    }
    expect(lost).toBe(0)
  })
})

function tab(room: QueueRoom, index: number): MessagingTab {
  return room.tabs[index] as MessagingTab
}

async function copyHolder(room: QueueRoom, owner: number): Promise<number> {
  const { holders } = await room.settle(room.queue(owner).stats())
  return room.tabs.findIndex(
    (one) => one.tab.peerId !== tab(room, owner).tab.peerId && holders.includes(one.tab.peerId),
  )
}

test('QUE25 who registers anew with the same owner keeps what it has, as the same attempt', async () => {
  let isCut = false
  const room = await QueueRoom.open(
    3,
    4,
    {},
    {
      room: (sound) =>
        withRequest(sound, (to, method, body, send) => {
          if (method !== 'queue.settle' || !isCut) return send(to, method, body)
          isCut = false
          return Promise.reject(new RoomError('closed', 'the answer was lost'))
        }),
    },
  )
  const owner = await room.owner()
  const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
  const loop = room.loop(first, { ack: 'individual' }, () => new Promise(() => {}))
  await room.sim.run(SECOND)
  const other = room.loop(second, { ack: 'individual' })
  await room.sim.run(SECOND)
  await room.settle(room.queue(owner).send('job'))
  await room.sim.runUntil(() => loop.got.length === 1, 5 * SECOND)
  // It has told that its loop has the message.
  await room.sim.run(11 * SECOND)
  isCut = true
  await room.sim.run(25 * SECOND)
  expect(isCut).toBe(false)
  expect(other.bodies).toEqual([])
  expect(await room.settle(room.queue(owner).stats())).toMatchObject({ delivering: 1, failed: 0 })
  await room.settle((loop.got[0] as Delivery).ack())
})
