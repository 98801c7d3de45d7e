import { describe, expect, test } from 'vitest'
import type { Room } from '../../../web/mesh/index.ts'
import type { SendOptions } from '../../../web/messaging/index.ts'
import { DEDUP_WINDOW, DedupWindow } from '../../../web/messaging/queue/dedup.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'
import { withServe } from '../../support/sim/taps.ts'

const SECOND = 1_000

describe('what a send promises', () => {
  test('QUE5 accepted, stored and replicated, each with what was reached; replicated is the default', async () => {
    const room = await QueueRoom.open(3)
    const queue = room.queue(0)
    expect(await room.settle(queue.send(1))).toMatchObject({
      level: 'replicated',
      copies: 2,
      isDuplicate: false,
    })
    expect(await room.settle(queue.send(2, { level: 'stored' }))).toMatchObject({ level: 'stored' })
    expect(await room.settle(queue.send(3, { level: 'accepted' }))).toMatchObject({
      level: 'accepted',
      copies: 1,
    })
    const { holders, messages } = await room.settle(queue.stats())
    expect(holders).toHaveLength(2)
    expect(messages).toBe(3)
  })

  test('QUE5 alone in the room it is stored', async () => {
    const room = await QueueRoom.open(1)
    expect(await room.settle(room.queue(0).send(1))).toMatchObject({ level: 'stored', copies: 1 })
  })

  test('QUE5 what was stored alone has its copy when somebody comes', async () => {
    const room = await QueueRoom.open(1)
    await room.settle(room.queue(0).send('kept'))
    await room.joins()
    await room.sim.run(3 * SECOND)
    expect((await room.settle(room.queue(1).stats())).holders).toHaveLength(2)
    room.kill(0)
    const loop = room.loop(1)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(['kept'])
  })

  test('QUE29 everything is there again after all tabs have closed, failed attempts too', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('a'))
    await room.settle(room.queue(1).send('b'))
    const failing = room.loop(1, { ack: 'individual' }, (delivery) =>
      delivery.deliveryCount === 1 && delivery.body === 'a' ? delivery.nack({ delayMs: 100_000 }) : undefined,
    )
    await room.sim.run(SECOND)
    expect(failing.bodies).toEqual(['a', 'b'])
    room.kill(0)
    room.kill(1)
    await room.sim.run(5 * SECOND)
    await room.returns(1)
    await room.returns(0)
    await room.meets()
    const loop = room.loop(0)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(['b'])
    await room.sim.run(80 * SECOND)
    expect(loop.got.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([
      ['b', 1],
      ['a', 2],
    ])
  })

  test('QUE5 what was accepted goes out in the sender’s next life', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('first'))
    const owner = await room.owner()
    const sender = 1 - owner
    const [a, b] = room.tabs.map(({ tab }) => tab.peerId) as [never, never]
    room.sim.network.partition([a], [b])
    await room.settle(room.queue(sender).send('second', { level: 'accepted' }))
    room.kill(sender)
    room.sim.network.heal()
    await room.sim.run(10 * SECOND)
    await room.returns(sender)
    const loop = room.loop(owner)
    await room.sim.runUntil(() => loop.bodies.includes('second'), 30_000)
    expect(loop.bodies).toEqual(['first', 'second'])
  })
})

describe('kinds of queues', () => {
  test('QUE15 last value: a newer message replaces the one of the same key; without the key it is a normal one', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'prices', { lastValueKey: 'stock' })
    for (const [body, stock] of [
      [1, 'X'],
      [2, 'Y'],
      [3, 'X'],
      [4, undefined],
      [5, undefined],
    ] as const)
      await room.settle(queue.send(body, stock === undefined ? {} : { headers: { stock } }))
    const loop = room.loop(1, { queue: 'prices' })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([2, 3, 4, 5])
  })

  test('QUE16 ring: the newest stay', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'ring', { ringSize: 3 })
    for (let n = 1; n <= 10; n++) await room.settle(queue.send(n))
    const loop = room.loop(1, { queue: 'ring' })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([8, 9, 10])
  })

  test('QUE17 non-destructive: every consumer sees everything, and it stays', async () => {
    const room = await QueueRoom.open(3)
    const queue = room.queue(0, 'board', { nonDestructive: true, lastValueKey: 'key' })
    for (const [body, key] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
    ] as const)
      await room.settle(queue.send(body, { headers: { key } }))
    const loops = [room.loop(1, { queue: 'board' }), room.loop(2, { queue: 'board' })]
    await room.sim.run(SECOND)
    await room.settle(queue.send(4, { headers: { key: 'c' } }))
    await room.sim.run(SECOND)
    for (const loop of loops) expect(loop.bodies).toEqual([2, 3, 4])
    expect((await room.settle(queue.stats())).messages).toBe(3)
  })

  test('QUE18 full: fail refuses, drop-oldest makes room, block waits for room', async () => {
    const room = await QueueRoom.open(2)
    const failing = room.queue(0, 'failing', { maxMessages: 2, whenFull: 'fail' })
    await room.settle(failing.send(1))
    await room.settle(failing.send(2))
    expect(await failureOf(room.settle(failing.send(3)))).toMatchObject({ code: 'queue-full' })

    const dropping = room.queue(0, 'dropping', { maxMessages: 2, whenFull: 'drop-oldest' })
    for (const n of [1, 2, 3]) await room.settle(dropping.send(n))
    const dropped = room.loop(1, { queue: 'dropping' })
    await room.sim.run(SECOND)
    expect(dropped.bodies).toEqual([2, 3])

    const blocking = room.queue(0, 'blocking', { maxMessages: 2, whenFull: 'block' })
    await room.settle(blocking.send(1))
    await room.settle(blocking.send(2))
    let isSent = false
    const third = blocking.send(3).then(() => {
      isSent = true
    })
    await room.sim.run(20 * SECOND)
    expect(isSent).toBe(false)
    const loop = room.loop(1, { queue: 'blocking' })
    await room.settle(third)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([1, 2, 3])
  })

  test('QUE18 QUE19 who missed the answer is told the same again: refused, a duplicate, filtered', async () => {
    let isLosing = false
    const lossy = (room: Room) =>
      withServe(room, (method, answer) => {
        if (!isLosing || method !== 'queue.put') return answer
        isLosing = false
        throw new Error('this answer gets lost')
      })
    const room = await QueueRoom.open(3, 1, {}, { room: lossy })
    const settings = { maxMessages: 2, whenFull: 'fail', filter: 'kind IS NULL' } as const
    const owner = await room.settle(room.queue(0, 'small', settings).send('first', { dedupId: 'one' }))
    expect(owner.copies).toBe(2)
    const sender = ((await room.owner('small')) + 1) % 3
    const queue = room.queue(sender, 'small', settings)
    const missing = async (options: SendOptions) => {
      isLosing = true
      return room.settle(queue.send('again', options))
    }
    expect(await missing({ dedupId: 'one' })).toMatchObject({ isDuplicate: true })
    expect(await missing({ headers: { kind: 'spam' } })).toMatchObject({ copies: 0 })
    await room.settle(queue.send('second'))
    expect(await failureOf(missing({}))).toMatchObject({ code: 'queue-full' })
    expect(isLosing).toBe(false)
  })

  test('QUE19 a second message of a dedupId is not added, though the first was finished and the owner is another', async () => {
    const room = await QueueRoom.open(3)
    const queue = room.queue(0)
    expect(await room.settle(queue.send('a', { dedupId: 'x' }))).toMatchObject({ isDuplicate: false })
    expect(await room.settle(queue.send('b', { dedupId: 'x' }))).toMatchObject({ isDuplicate: true })
    const loop = room.loop(0)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['a'])
    expect(await room.settle(queue.send('c', { dedupId: 'x' }))).toMatchObject({ isDuplicate: true })
    const owner = await room.owner()
    if (owner === 0) room.kill(1)
    else room.kill(owner)
    await room.sim.run(15 * SECOND)
    expect(await room.settle(queue.send('d', { dedupId: 'x' }), 60_000)).toMatchObject({ isDuplicate: true })
    await room.settle(queue.send('after'))
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['a', 'after'])
  })

  test('QUE19 the window of ids is kept by every copy and over a restart, and no longer than 20,000', async () => {
    const room = await QueueRoom.open(2)
    const ids = Array.from({ length: 450 }, (_, n) => `id ${n}`)
    await room.settle(Promise.all(ids.map((dedupId) => room.queue(0).send(dedupId, { dedupId }))))
    await room.settle(room.queue(0).purge())
    const third = await room.joins()
    room.kill(await room.owner('orders', third))
    await room.sim.run(15 * SECOND)
    const asked = room.tabs.findIndex(({ tab }) => tab.peerId === room.tabs[third]?.tab.peerId)
    for (const dedupId of ['id 0', 'id 449'])
      expect(await room.settle(room.queue(asked).send('again', { dedupId }), 60_000)).toMatchObject({
        isDuplicate: true,
      })
    expect(await room.settle(room.queue(asked).send('new', { dedupId: 'id 450' }))).toMatchObject({
      isDuplicate: false,
    })
  })
})

describe('the window of ids', () => {
  test('QUE19 forgets the oldest, a page at a time', () => {
    const window = new DedupWindow('q')
    for (let page = 1; page <= 100; page++)
      window.add(
        page,
        Array.from({ length: 300 }, (_, n) => `${page}/${n}`),
      )
    expect(window.has('100/299')).toBe(true)
    expect(window.has('1/0')).toBe(false)
    expect(window.all().length).toBeGreaterThanOrEqual(DEDUP_WINDOW)
    expect(window.all().length).toBeLessThan(DEDUP_WINDOW + 300)
    expect(window.add(101, ['100/299'])).toEqual([])
  })
})

describe('looking and emptying', () => {
  test('QUE21 a consumer and a browser with a selector get what it matches; the rest is others’', async () => {
    const room = await QueueRoom.open(2)
    for (const [body, size] of [
      [1, 5],
      [2, 50],
      [3, 5],
      [4, 50],
    ] as const)
      await room.settle(room.queue(0).send(body, { headers: { size } }))
    const large = room.loop(1, { selector: 'size > 10' })
    await room.sim.run(SECOND)
    expect(large.bodies).toEqual([2, 4])
    const seen: unknown[] = []
    await room.settle(
      (async () => {
        for await (const { body } of room.queue(1).browse({ selector: 'size < 10 AND AMQPriority = 4' }))
          seen.push(body)
      })(),
    )
    expect(seen).toEqual([1, 3])
    await room.settle(room.queue(0).send(5, { headers: { size: 99 } }))
    const rest = room.loop(0)
    await room.sim.run(SECOND)
    expect(large.bodies).toEqual([2, 4, 5])
    expect(rest.bodies).toEqual([1, 3])
    expect(() => room.queue(0).consume({ selector: 'size >' })).toThrowError(
      expect.objectContaining({ code: 'bad-selector', column: 7 }),
    )
  })

  test('QUE23 browsing shows every message once, oldest first, and takes none', async () => {
    const room = await QueueRoom.open(2)
    const bodies = Array.from({ length: 450 }, (_, n) => n)
    await room.settle(Promise.all(bodies.map((body) => room.queue(0).send(body))))
    const seen: unknown[] = []
    await room.settle(
      (async () => {
        for await (const { body } of room.queue(1).browse()) seen.push(body)
      })(),
    )
    expect(seen).toEqual(bodies)
    expect(await room.settle(room.queue(1).stats())).toMatchObject({
      messages: 450,
      ready: 450,
      delivering: 0,
      added: 450,
    })
  })

  test('QUE38 dead letters go back where they came from, as new messages; others move where they are told', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'work', { maxDeliveries: 1 })
    for (const body of ['a', 'b', 'c']) await room.settle(queue.send(body, { headers: { body } }))
    const failing = room.loop(1, { queue: 'work', ack: 'individual' }, (delivery) => delivery.nack())
    await room.sim.run(3 * SECOND)
    failing.stop()
    await room.sim.run(SECOND)
    expect(await room.settle(room.queue(1, 'DLQ.work').retry({ selector: "body <> 'b'" }))).toBe(2)
    const again = room.loop(1, { queue: 'work' })
    await room.sim.run(2 * SECOND)
    expect(again.got.map(({ body, deliveryCount, headers }) => [body, deliveryCount, headers])).toEqual([
      ['a', 1, { body: 'a' }],
      ['c', 1, { body: 'c' }],
    ])
    expect(await room.settle(room.queue(0, 'DLQ.work').move('parked'))).toBe(1)
    const parked = room.loop(0, { queue: 'parked' })
    await room.sim.run(2 * SECOND)
    expect(parked.bodies).toEqual(['b'])
    expect((await room.settle(room.queue(0, 'DLQ.work').stats())).messages).toBe(0)
    expect(await failureOf(room.queue(0, 'parked').move('parked'))).toMatchObject({ code: 'bad-option' })
  })

  test('QUE22 a purge finishes all, those in delivery too, on every copy and for good', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(Promise.all([1, 2, 3].map((body) => room.queue(0).send(body))))
    const holding = room.loop(1, { ack: 'individual' }, () => new Promise<never>(() => {}))
    await room.sim.run(SECOND)
    expect(holding.bodies).toEqual([1])
    expect(await room.settle(room.queue(2).purge())).toBe(3)
    const owner = await room.owner()
    room.kill(owner)
    await room.sim.run(15 * SECOND)
    const left = [0, 1, 2].find((index) => index !== owner) as number
    expect((await room.settle(room.queue(left).stats())).messages).toBe(0)
    await room.settle(room.queue(left).send('new'))
    expect((await room.settle(room.queue(left).stats())).messages).toBe(1)
  })

  test('QUE24 settings hold for the room: who contradicts them is told', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'strict', { maxDeliveries: 3 }).send(1))
    expect((await room.settle(room.queue(1, 'strict').stats())).settings.maxDeliveries).toBe(3)
    const other = await QueueRoom.open(1)
    expect(() => other.queue(0, 'strict', { maxDeliveries: 0 })).toThrowError(
      expect.objectContaining({ code: 'bad-option' }),
    )
    const sending = room.queue(1, 'strict', { maxDeliveries: 5 })
    expect(await failureOf(room.settle(sending.stats()))).toMatchObject({ code: 'settings-conflict' })
    expect(await failureOf(room.settle(sending.consume().ready))).toMatchObject({ code: 'settings-conflict' })
  })
})
