import { describe, expect, test } from 'vitest'
import type { Delivery, Message, SubscribeOptions } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

/**
 * HornetQ's and Artemis' tables of features, row by row: what their manuals promise, and the defaults that come with it. The other
 * tests of this folder go further into each; where Tabmesh differs on purpose, the title says so.
 */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const hold = () => new Promise<never>(() => {})

function follow(room: QueueRoom, index: number, pattern: string, options: SubscribeOptions = {}) {
  const end = new AbortController()
  const subscription = room.tabs[index]?.messaging
    .topic(pattern)
    .subscribe({ ...options, signal: end.signal })
  const got: Message[] = []
  void (async () => {
    for await (const message of subscription ?? []) got.push(message)
  })().catch(() => {
    // The test has ended it.
  })
  return {
    got,
    ready: subscription?.ready ?? Promise.reject(new Error('no such tab')),
    stop: () => end.abort(),
  }
}

function destinations(room: QueueRoom) {
  return (room.tabs[0] as (typeof room.tabs)[number]).messaging.destinations
}

function publish(room: QueueRoom, topic: string, body: unknown, headers: Record<string, number> = {}) {
  const messaging = (room.tabs[0] as (typeof room.tabs)[number]).messaging
  return room.settle(messaging.topic(topic).publish(body, { headers }))
}

async function sendAll(room: QueueRoom, bodies: readonly unknown[], queue = 'orders'): Promise<void> {
  for (const body of bodies) await room.settle(room.queue(0, queue).send(body))
}

async function until(room: QueueRoom, test: () => boolean): Promise<void> {
  await room.sim.runUntil(test, MINUTE)
}

describe('addressing and routing', () => {
  test('QUE3 address and queue: of a queue one gets it, of a topic every subscription', async () => {
    const room = await QueueRoom.open(3)
    const loops = [1, 2].map((index) => room.loop(index))
    const subscriptions = [1, 2].map((index) => follow(room, index, 'news'))
    for (const { ready } of subscriptions) await room.settle(ready)
    await sendAll(room, ['one'])
    await publish(room, 'news', 'all')
    await room.sim.run(SECOND)
    expect(loops.flatMap(({ bodies }) => bodies)).toEqual(['one'])
    expect(subscriptions.map(({ got }) => got.map(({ body }) => body))).toEqual([['all'], ['all']])
  })

  test('QUE3 competing consumers: in turn, and no limit to their number by default', async () => {
    const room = await QueueRoom.open(3)
    const loops = [0, 1, 2, 0, 1].map((index) => room.loop(index))
    await room.sim.run(SECOND)
    await sendAll(
      room,
      Array.from({ length: 50 }, (_, n) => n),
    )
    await until(room, () => loops.reduce((sum, { got }) => sum + got.length, 0) === 50)
    expect(loops.map(({ got }) => got.length)).toEqual([10, 10, 10, 10, 10])
  })

  test('QUE48 auto-create and auto-delete: on first use; when empty, unused, and used once', async () => {
    const room = await QueueRoom.open(2)
    expect(destinations(room).queues()).toEqual([])
    await sendAll(room, ['x'])
    expect(destinations(room).queues()).toEqual(['orders'])
    await room.sim.run(MINUTE)
    expect(destinations(room).queues()).toEqual(['orders'])
    await room.settle(room.queue(0).purge())
    await room.sim.run(MINUTE)
    expect(destinations(room).queues()).toEqual([])
  })

  test('QUE32 durable subscription: by name, survives its subscriber; not shared by default', async () => {
    const room = await QueueRoom.open(3)
    const first = follow(room, 1, 'news', { durable: 'reader' })
    await room.settle(first.ready)
    first.stop()
    await room.sim.run(SECOND)
    await publish(room, 'news', 'meanwhile')
    const [one, other] = [1, 2].map((index) => follow(room, index, 'news', { durable: 'reader' }))
    await until(room, () => (one?.got.length ?? 0) + (other?.got.length ?? 0) === 1)
    for (let n = 0; n < 10; n++) await publish(room, 'news', n)
    await room.sim.run(5 * SECOND)
    expect([one?.got.length, other?.got.length].sort()).toEqual([0, 11])
  })

  test('MSG2 non-durable subscription: what is published while nobody subscribes is for nobody', async () => {
    const room = await QueueRoom.open(2)
    await publish(room, 'news', 'before')
    await room.sim.run(SECOND)
    const { got, ready } = follow(room, 1, 'news')
    await room.settle(ready)
    await publish(room, 'news', 'after')
    await room.sim.run(SECOND)
    expect(got.map(({ body }) => body)).toEqual(['after'])
  })

  test('MSG1 wildcards: * is one word, # none or more; news.europe.# matches news.europe', async () => {
    const room = await QueueRoom.open(2)
    const patterns = ['news.europe.#', 'news.*', 'news.*.sport', '#']
    const all = patterns.map((pattern) => follow(room, 1, pattern))
    for (const { ready } of all) await room.settle(ready)
    for (const topic of ['news.europe', 'news.europe.sport', 'news.usa.sport', 'news'])
      await publish(room, topic, topic)
    await room.sim.run(SECOND)
    expect(all.map(({ got }) => got.map(({ body }) => body))).toEqual([
      ['news.europe', 'news.europe.sport'],
      ['news.europe'],
      ['news.europe.sport', 'news.usa.sport'],
      ['news.europe', 'news.europe.sport', 'news.usa.sport', 'news'],
    ])
  })

  test('QUE35 layered settings: # is wider than *, * than a word; they merge setting by setting', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).configure('#', { maxDeliveries: 2, ringSize: 5 }))
    await room.settle(destinations(room).configure('orders.*', { maxDeliveries: 3, exclusive: true }))
    await room.settle(destinations(room).configure('orders.eu', { maxDeliveries: 4 }))
    const { settings } = await room.settle(room.queue(1, 'orders.eu').stats())
    expect(settings).toMatchObject({ maxDeliveries: 4, exclusive: true, ringSize: 5, copies: 2 })
  })

  test('QUE36 diverts: an exclusive one runs first and others are skipped; with a filter, what it matches', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).divert('copy', { from: 'orders', to: 'audit' }))
    await room.settle(
      destinations(room).divert('big', { from: 'orders', to: 'big', exclusive: true, selector: 'size > 3' }),
    )
    for (const size of [1, 5]) await room.settle(room.queue(0).send(size, { headers: { size } }))
    for (const name of ['orders', 'audit', 'big'])
      expect([name, (await room.settle(room.queue(1, name).stats())).messages]).toEqual([name, 1])
  })

  test('QUE37 retroactive address: the last N for who comes later; by default none', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).configure('prices', { retain: 2 }))
    for (const topic of ['prices', 'others']) for (const n of [1, 2, 3]) await publish(room, topic, n)
    await room.sim.run(SECOND)
    const all = ['prices', 'others'].map((topic) => follow(room, 1, topic, { history: true }))
    await room.sim.run(5 * SECOND)
    expect(all.map(({ got }) => got.map(({ body }) => body))).toEqual([[2, 3], []])
  })

  test('MSG3 no route: a message that nobody wants is dropped', async () => {
    const room = await QueueRoom.open(2)
    expect(await publish(room, 'nowhere', 1)).toMatchObject({ level: 'accepted' })
    await room.sim.run(SECOND)
    const { got } = follow(room, 1, 'nowhere', { history: true })
    await room.sim.run(5 * SECOND)
    expect(got).toEqual([])
    expect(destinations(room).queues()).toEqual([])
  })
})

describe('queue kinds and dispatch', () => {
  test('QUE4 priority: 9 first, 4 by default, first in first out within one', async () => {
    const room = await QueueRoom.open(2)
    for (const [body, priority] of [
      ['low', 0],
      ['high', 9],
      ['five', 5],
      ['three', 3],
    ] as const)
      await room.settle(room.queue(0).send(body, { priority }))
    await sendAll(room, ['usual a', 'usual b'])
    const loop = room.loop(1)
    await until(room, () => loop.got.length === 6)
    expect(loop.bodies).toEqual(['high', 'five', 'usual a', 'usual b', 'three', 'low'])
    expect(loop.got[2]?.priority).toBe(4)
  })

  test('QUE46 QUE21 selectors: a queue’s filter before it is added, a consumer’s after', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'orders', { filter: 'size > 1' })
    for (const size of [1, 2, 3]) await room.settle(queue.send(size, { headers: { size } }))
    const loop = room.loop(1, { selector: 'size > 2' })
    await room.sim.run(2 * SECOND)
    expect(loop.bodies).toEqual([3])
    expect((await room.settle(queue.stats())).messages).toBe(1)
  })

  test('QUE11 QUE45 message groups: one consumer each, another when it has gone, closed by sequence -1', async () => {
    const room = await QueueRoom.open(3)
    const loops = [1, 2].map((index) => room.loop(index))
    await room.sim.run(SECOND)
    const send = (headers = {}) => room.settle(room.queue(0).send('g', { group: 'g', headers }))
    for (let n = 0; n < 6; n++) await send()
    await room.sim.run(SECOND)
    const taker = loops.findIndex(({ got }) => got.length > 0)
    expect(loops[taker]?.got).toHaveLength(6)
    loops[taker]?.stop()
    await room.sim.run(SECOND)
    await send({ JMSXGroupSeq: -1 })
    await room.sim.run(SECOND)
    expect(loops[1 - taker]?.got).toHaveLength(1)
  })

  test('QUE15 last value: replaces the one of its key; without the key a normal message; no key by default', async () => {
    const room = await QueueRoom.open(2)
    for (const [name, settings] of [
      ['latest', { lastValueKey: 'item' }],
      ['plain', {}],
    ] as const) {
      const queue = room.queue(0, name, settings)
      for (const body of [1, 2]) await room.settle(queue.send(body, { headers: { item: 'a' } }))
      for (const body of [3, 4]) await room.settle(queue.send(body))
    }
    expect((await room.settle(room.queue(0, 'latest').stats())).messages).toBe(3)
    expect((await room.settle(room.queue(0, 'plain').stats())).messages).toBe(4)
  })

  test('QUE17 non-destructive: all consumers browse, nothing is removed; off by default', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'table', { nonDestructive: true, lastValueKey: 'k' }).send(1))
    const loops = [0, 1].map((index) => room.loop(index, { queue: 'table' }))
    await room.sim.run(2 * SECOND)
    expect(loops.map(({ bodies }) => bodies)).toEqual([[1], [1]])
    expect((await room.settle(room.queue(0, 'table').stats())).messages).toBe(1)
    expect((await room.settle(room.queue(0, 'plain').stats())).settings.nonDestructive).toBe(false)
  })

  test('QUE16 ring: drops its head; what is in delivery does not count; off by default', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'orders', { ringSize: 2 }).stats())
    const holding = room.loop(1, { ack: 'individual', prefetch: 0 }, hold)
    await sendAll(room, ['held', 1, 2, 3])
    await room.sim.run(SECOND)
    expect(holding.bodies).toEqual(['held'])
    expect(await room.settle(room.queue(0).stats())).toMatchObject({ delivering: 1, ready: 2 })
    expect((await room.settle(room.queue(0, 'plain').stats())).settings.ringSize).toBe(0)
  })

  test('QUE12 exclusive: one consumer is active at a time; off by default', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'orders', { exclusive: true }).stats())
    const loops = [1, 2].map((index) => room.loop(index))
    await room.sim.run(SECOND)
    await sendAll(room, [1, 2, 3, 4])
    await room.sim.run(2 * SECOND)
    expect(loops.map(({ got }) => got.length).sort()).toEqual([0, 4])
    expect((await room.settle(room.queue(0, 'plain').stats())).settings.exclusive).toBe(false)
  })

  test('QUE13 consumer priority: the lower gets what the higher has no credit for or does not match; 0 by default', async () => {
    const room = await QueueRoom.open(3)
    const low = room.loop(1, { ack: 'individual' })
    const high = room.loop(2, { ack: 'individual', priority: 1, prefetch: 1, selector: 'a = 1' }, hold)
    await room.sim.run(SECOND)
    for (const a of [1, 2, 1, 1, 1]) await room.settle(room.queue(0).send(a, { headers: { a } }))
    await room.sim.run(2 * SECOND)
    expect(high.got.length).toBe(1)
    expect(low.bodies).toContain(2)
    const { consumerList } = await room.settle(room.queue(0).stats())
    expect(consumerList.map(({ priority }) => priority).sort()).toEqual([0, 1])
  })

  test('QUE10 scheduled: at the earliest then, in its old place', async () => {
    const room = await QueueRoom.open(2)
    const loop = room.loop(1)
    const startedMs = room.sim.clock.now()
    await room.settle(room.queue(0).send('later', { delayMs: 5 * SECOND }))
    await sendAll(room, ['now'])
    await until(room, () => loop.got.length === 2)
    expect(loop.bodies).toEqual(['now', 'later'])
    expect(room.sim.clock.now() - startedMs).toBeGreaterThanOrEqual(5 * SECOND)
  })

  test('QUE23 queue browser: reads and takes none, in order', async () => {
    const room = await QueueRoom.open(2)
    await sendAll(room, [1, 2, 3])
    const seen: unknown[] = []
    const look = async () => {
      for await (const { body } of room.queue(1).browse()) seen.push(body)
    }
    await room.settle(look())
    await room.settle(look())
    expect(seen).toEqual([1, 2, 3, 1, 2, 3])
  })

  test('QUE34 request and reply: a temporary address and a correlation id', async () => {
    const room = await QueueRoom.open(2)
    const loop = room.loop(1, {}, (delivery: Delivery) => delivery.reply(Number(delivery.body) * 2))
    const reply = await room.settle(room.tabs[0]?.messaging.request('orders', 21) ?? hold())
    expect(reply.body).toBe(42)
    expect(loop.got[0]).toMatchObject({ replyTo: expect.any(String) })
    expect(destinations(room).queues()).toEqual(['orders'])
  })
})

describe('reliability', () => {
  test('QUE6 ack modes: auto, client, dups-ok, pre-acknowledge and individual', async () => {
    for (const [ack, left] of [
      ['auto', 1],
      ['client', 3],
      ['individual', 3],
      ['dups-ok', 1],
      ['pre', 0],
    ] as const) {
      const room = await QueueRoom.open(2)
      await sendAll(room, [1, 2, 3])
      // The third is in its hands and stays there.
      const loop = room.loop(1, { ack }, ({ body }: Delivery) => (body === 3 ? hold() : undefined))
      await until(room, () => loop.got.length === 3)
      await room.sim.run(12 * SECOND)
      expect([ack, (await room.settle(room.queue(0).stats())).messages]).toEqual([ack, left])
    }
  })

  test('QUE5 send guarantee: a send resolves when its message is safe, by default on two devices', async () => {
    const room = await QueueRoom.open(3)
    expect(await room.settle(room.queue(0).send(1))).toMatchObject({ level: 'replicated', copies: 2 })
  })

  test('QUE8 redelivery: delay times multiplier, capped at ten times the first; 10 attempts, none delayed by default', async () => {
    const room = await QueueRoom.open(2)
    const { settings } = await room.settle(room.queue(0, 'plain').stats())
    expect(settings).toMatchObject({
      maxDeliveries: 10,
      redeliveryDelayMs: 0,
      redeliveryMultiplier: 1,
      redeliveryJitter: 0,
    })
    const at: number[] = []
    const slow = { maxDeliveries: 6, redeliveryDelayMs: SECOND, redeliveryMultiplier: 4 }
    await room.settle(room.queue(0, 'orders', slow).stats())
    room.loop(1, { ack: 'individual' }, (delivery: Delivery) => {
      at.push(room.sim.clock.now())
      return delivery.nack()
    })
    await sendAll(room, ['bad'])
    await room.sim.run(2 * MINUTE)
    const gaps = at.slice(1).map((time, index) => Math.round((time - (at[index] as number)) / SECOND))
    expect(gaps).toEqual([1, 4, 10, 10, 10])
  })

  test('QUE8 dead letters: to DLQ.<queue> after so many attempts; created by default, unlike Artemis', async () => {
    const room = await QueueRoom.open(2)
    room.loop(1, { ack: 'individual' }, (delivery: Delivery) => delivery.nack())
    await sendAll(room, ['bad'])
    await until(room, () => destinations(room).queues().includes('DLQ.orders'))
    const loop = room.loop(1, { queue: 'DLQ.orders' })
    await until(room, () => loop.got.length === 1)
    expect(loop.got[0]?.headers).toMatchObject({ _AMQ_ORIG_ADDRESS: 'orders', _AMQ_ORIG_QUEUE: 'orders' })
    expect(loop.got[0]?.headers['_AMQ_ORIG_MESSAGE_ID']).toEqual(expect.any(String))
  })

  test('QUE9 expiry: to EXP.<queue> when its time is over; by default it has no end', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('short', { ttlMs: SECOND }))
    await sendAll(room, ['long'])
    await room.sim.run(10 * MINUTE)
    expect((await room.settle(room.queue(0).stats())).messages).toBe(1)
    const loop = room.loop(1, { queue: 'EXP.orders' })
    await until(room, () => loop.got.length === 1)
    expect(loop.bodies).toEqual(['short'])
  })

  test('QUE9 QUE38 copied properties: where it came from, and of what is expired when; the last operation wins', async () => {
    const room = await QueueRoom.open(2)
    const { id } = await room.settle(room.queue(0).send('short', { ttlMs: SECOND }))
    await room.sim.run(10 * SECOND)
    const seen = async (queue: string) => {
      for await (const { headers } of room.queue(1, queue).browse()) return headers
      return undefined
    }
    const expired = await room.settle(seen('EXP.orders'))
    expect(expired).toMatchObject({
      _AMQ_ORIG_ADDRESS: 'orders',
      _AMQ_ORIG_QUEUE: 'orders',
      _AMQ_ORIG_MESSAGE_ID: id,
    })
    expect(expired?.['_AMQ_ACTUAL_EXPIRY']).toEqual(expect.any(Number))
    await room.settle(room.queue(0, 'EXP.orders').move('elsewhere'))
    expect(await room.settle(seen('elsewhere'))).toMatchObject({ _AMQ_ORIG_QUEUE: 'EXP.orders' })
  })

  test('QUE19 QUE40 duplicate detection: not added again, though it was acked; one in a transaction is not added either', async () => {
    const room = await QueueRoom.open(2)
    const loop = room.loop(1)
    await room.settle(room.queue(0).send(1, { dedupId: 'a' }))
    await until(room, () => loop.got.length === 1)
    await room.sim.run(SECOND)
    expect(await room.settle(room.queue(0).send(1, { dedupId: 'a' }))).toMatchObject({ isDuplicate: true })
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual([1])
  })

  test('QUE40 transactions: all of it happens or nothing', async () => {
    const room = await QueueRoom.open(2)
    const messaging = (room.tabs[0] as (typeof room.tabs)[number]).messaging
    const work = (fails: boolean) =>
      messaging.transaction((tx) => {
        tx.queue('orders').send(1)
        tx.queue('bills').send(2)
        if (fails) throw new Error('changed my mind')
      })
    await failureOf(room.settle(work(true)))
    const counts = async () => {
      const of = async (name: string) => (await room.settle(room.queue(1, name).stats())).ready
      return [await of('orders'), await of('bills')]
    }
    expect(await counts()).toEqual([0, 0])
    await room.settle(work(false))
    await room.sim.run(SECOND)
    expect(await counts()).toEqual([1, 1])
  })

  test('QUE18 full addresses: BLOCK by default, as messages lie on disk anyway; FAIL and DROP (of the oldest) where asked for', async () => {
    const room = await QueueRoom.open(2)
    const full = async (name: string, whenFull: 'block' | 'fail' | 'drop-oldest') => {
      const queue = room.queue(0, name, { maxMessages: 2, whenFull })
      await sendAll(room, [1, 2], name)
      return { third: queue.send(3) }
    }
    let isBlocked = true
    void (await full('blocks', 'block')).third.then(() => {
      isBlocked = false
    })
    await room.sim.run(20 * SECOND)
    expect(isBlocked).toBe(true)
    await room.settle(room.queue(0, 'blocks').purge())
    await room.sim.run(20 * SECOND)
    expect(isBlocked).toBe(false)
    expect(await failureOf(room.settle((await full('fails', 'fail')).third))).toMatchObject({
      code: 'queue-full',
    })
    await room.settle((await full('drops', 'drop-oldest')).third)
    const loop = room.loop(1, { queue: 'drops' })
    await until(room, () => loop.got.length === 2)
    expect(loop.bodies).toEqual([2, 3])
    expect((await room.settle(room.queue(0, 'plain').stats())).settings.whenFull).toBe('block')
  })

  test('QUE20 dead peers: a consumer that is not heard of for 30 s (Artemis: 60 s) has lost what it had', async () => {
    const room = await QueueRoom.open(3)
    await sendAll(room, ['job'])
    const owner = await room.owner()
    const [first, second] = [0, 1, 2].filter((index) => index !== owner) as [number, number]
    const stuck = room.loop(first, { ack: 'individual' }, hold)
    await until(room, () => stuck.got.length === 1)
    const other = room.loop(second, { ack: 'individual' })
    room.sim.tab(first).pause(5 * MINUTE)
    await until(room, () => other.got.length === 1)
    expect(other.got[0]).toMatchObject({ deliveryCount: 2, redelivered: true })
  })

  test('QUE19 re-attach: what a sender sent while its link was broken arrives once, in order', async () => {
    const room = await QueueRoom.open(3)
    await sendAll(room, ['first'])
    const owner = await room.owner()
    const sender = (owner + 1) % 3
    const [a, b] = [owner, sender].map((index) => room.sim.tab(index).peerId) as [never, never]
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < 20; n++) {
      sends.push(room.queue(sender).send(n))
      if (n % 5 === 0) room.sim.network.breakConnections(a, b)
      await room.sim.run(300)
    }
    await room.settle(Promise.all(sends), MINUTE)
    const loop = room.loop(owner)
    await until(room, () => loop.got.length >= 21)
    await room.sim.run(5 * SECOND)
    expect(loop.bodies).toEqual(['first', ...Array.from({ length: 20 }, (_, n) => n)])
  })
})
