import { describe, expect, test } from 'vitest'
import { Intervals, type PeerId } from '../../../web/base/index.ts'
import { RemoteError, type Room } from '../../../web/mesh/index.ts'
import { MESSAGING_TABLES } from '../../../web/messaging/index.ts'
import { encodeBody, NO_HEADERS } from '../../../web/messaging/item.ts'
import { loadReplicas } from '../../../web/messaging/queue/load-replicas.ts'
import { headToWire, readSources, sourceToWire } from '../../../web/messaging/queue/messages.ts'
import { Replica } from '../../../web/messaging/queue/replica.ts'
import { MemoryDisk } from '../../../web/storage/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const MINUTE = 60_000
const FULL_HEADERS = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`h${at}`, at]))
/** As long as a name may be. */
const LONG = Array.from({ length: 4 }, (_, at) => `${at}`.repeat(63)).join('.')
/** As many words as a name may have. */
const WORDS = Array.from({ length: 30 }, () => 'w').join('.')

/** A room in which a member refuses some requests, as one of another build would. */
function refusing(method: string, isMeant: (body: unknown) => boolean): (room: Room) => Room {
  return (room) =>
    new Proxy(room, {
      get(target, key) {
        if (key !== 'serve') {
          const value = Reflect.get(target, key, target) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        }
        return (name: string, handler: Parameters<Room['serve']>[1]) =>
          target.serve(name, (body, context) => {
            if (name === method && isMeant(body)) throw new RemoteError('malformed', 'this is none of ours')
            return handler(body, context)
          })
      },
    })
}

describe('what Tabmesh adds', () => {
  test.each(['orders', LONG, WORDS])(
    'QUE50 a message with 32 headers dies, expires, moves and is diverted, whatever its queue is called: %s',
    async (name) => {
      const room = await QueueRoom.open(2)
      const headers = FULL_HEADERS
      const settings = { maxDeliveries: 1 }
      await room.settle(room.queue(0, name, settings).send('dies', { headers }))
      const loop = room.loop(1, { queue: name, ack: 'individual' }, (delivery) => delivery.nack())
      await room.sim.runUntil(() => loop.got.length === 1, MINUTE, 'it is tried')
      const dead = room.loop(0, { queue: `DLQ.${name}` })
      await room.sim.runUntil(() => dead.got.length === 1, MINUTE, 'it is dead')
      expect(Object.keys(dead.got[0]?.headers ?? {})).toHaveLength(37)
      loop.stop()

      await room.settle(room.queue(0, name, settings).send('expires', { headers, ttlMs: 1_000 }))
      const late = room.loop(1, { queue: `EXP.${name}` })
      await room.sim.runUntil(() => late.got.length === 1, MINUTE, 'it is over')

      await room.settle(room.queue(0, name, settings).send('moves', { headers }))
      expect(await room.settle(room.queue(0, name, settings).move('there'))).toBe(1)
      const moved = room.loop(1, { queue: 'there' })
      await room.sim.runUntil(() => moved.got.length === 1, MINUTE, 'it has moved')

      const { messaging } = room.tabs[0] as (typeof room.tabs)[number]
      await room.settle(messaging.destinations.divert('turn', { from: 'left', to: 'right' }))
      await room.settle(room.queue(0, 'left').send('turns', { headers }))
      const turned = room.loop(1, { queue: 'right' })
      await room.sim.runUntil(() => turned.got.length === 1, MINUTE, 'it has turned')
    },
  )

  test('QUE50 a durable subscription, and what is retained, stand behind the longest names', async () => {
    const room = await QueueRoom.open(2)
    const [{ messaging }, other] = room.tabs as [(typeof room.tabs)[0], (typeof room.tabs)[0]]
    await room.settle(messaging.destinations.configure(LONG, { retain: 5 }))
    const got: unknown[] = []
    const subscription = messaging.topic(LONG).subscribe({ durable: LONG })
    void (async () => {
      for await (const { body } of subscription) got.push(body)
    })()
    await room.settle(subscription.ready)
    await room.settle(other.messaging.topic(LONG).publish('news', { level: 'stored' }))
    await room.sim.runUntil(() => got.length === 1, MINUTE, 'the subscriber has it')
    const later: unknown[] = []
    void (async () => {
      for await (const { body } of other.messaging.topic(LONG).subscribe({ history: true })) later.push(body)
    })()
    await room.sim.runUntil(() => later.length === 1, MINUTE, 'who comes later has it')
  })

  test('QUE50 what a user adds beyond 32 headers is refused, with or without ours', async () => {
    const room = await QueueRoom.open(1)
    const ours = { _AMQ_ORIG_QUEUE: 'a', _AMQ_ORIG_ADDRESS: 'a', _AMQ_ORIG_MESSAGE_ID: 'b' }
    await room.settle(room.queue(0).send(1, { headers: { ...FULL_HEADERS, ...ours } }))
    const tooMany = { ...FULL_HEADERS, ...ours, another: 1 }
    expect(await failureOf(room.settle(room.queue(0).send(1, { headers: tooMany })))).toMatchObject({
      code: 'bad-option',
    })
  })

  test('QUE14 messages that are nearly all headers go to owner, copy and consumer in frames that fit', async () => {
    const counts: number[] = []
    const count = (body: unknown) => {
      counts.push((body as { items: readonly unknown[] }).items.length)
      return false
    }
    const sabotage = {
      room: (inner: Room) => refusing('queue.copy', count)(refusing('queue.put', count)(inner)),
    }
    const room = await QueueRoom.open(2, 1, {}, sabotage)
    const headers = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`h${at}`, 'x'.repeat(1_024)]))
    const sends = Array.from({ length: 600 }, (_, at) => room.queue(0).send(at, { headers }))
    await room.settle(Promise.all(sends))
    const third = await room.joins()
    const loop = room.loop(third)
    await room.sim.runUntil(() => loop.got.length === 600, MINUTE, 'all of them came')
    expect(loop.bodies).toEqual(Array.from({ length: 600 }, (_, at) => at))
    // 256 KiB of them together, not 512 messages.
    expect(Math.max(...counts)).toBeGreaterThan(1)
    expect(Math.max(...counts)).toBeLessThan(10)
  })
})

describe('what is refused for good', () => {
  test('QUE51 one message that its owner never takes is told so, and those behind it go on', async () => {
    const isMeant = (body: unknown) => {
      const { items } = body as { items: readonly (readonly unknown[])[] }
      return items.some((item) => (item[6] as { odd?: boolean } | undefined)?.odd === true)
    }
    const room = await QueueRoom.open(
      2,
      1,
      {},
      {
        room: (inner, tab) => (tab.index === 1 ? refusing('queue.put', isMeant)(inner) : inner),
      },
    )
    await room.settle(room.queue(0).send('first'))
    expect(await room.owner()).toBe(1)
    const sends = Array.from({ length: 20 }, (_, at) =>
      room.queue(0).send(at, at === 7 ? { headers: { odd: true } } : {}),
    )
    const ended = await room.settle(Promise.allSettled(sends), MINUTE)
    expect(ended.map(({ status }) => status)).toEqual(
      Array.from({ length: 20 }, (_, at) => (at === 7 ? 'rejected' : 'fulfilled')),
    )
    expect(ended[7]).toMatchObject({ reason: { code: 'malformed' } })
    const loop = room.loop(1)
    await room.sim.runUntil(() => loop.got.length === 20, MINUTE, 'the others came')
    expect(loop.bodies).toEqual([
      'first',
      ...Array.from({ length: 20 }, (_, at) => at).filter((at) => at !== 7),
    ])
  })

  test('QUE51 one message that a consumer cannot read fails there, and those behind it go on', async () => {
    const isMeant = (body: unknown) => {
      const { attempts } = body as { attempts: readonly (readonly unknown[])[] }
      // Whole, or by number where this consumer's tab has its copy by now.
      return attempts.some(([, , item, number]) => (number ?? (item as unknown[])[2]) === 3)
    }
    const room = await QueueRoom.open(
      2,
      1,
      {},
      {
        room: (inner, tab) => (tab.index === 0 ? refusing('queue.deliver', isMeant)(inner) : inner),
      },
    )
    const settings = { maxDeliveries: 1 }
    const queue = room.queue(0, 'orders', settings)
    for (let at = 0; at < 5; at++)
      await room.settle(queue.send(at, at === 2 ? { headers: { odd: true } } : {}))
    expect(await room.owner()).toBe(1)
    const loop = room.loop(0)
    await room.sim.runUntil(() => loop.got.length === 4, MINUTE, 'the others came')
    const dead = room.loop(1, { queue: 'DLQ.orders', ack: 'individual' })
    await room.sim.runUntil(() => dead.got.length === 1, MINUTE, 'it is among the dead')
    expect(dead.bodies).toEqual([2])
  })

  test('QUE51 a dead letter whose queue refuses it for good is counted, and blocks nothing', async () => {
    const room = await QueueRoom.open(1)
    await room.settle(room.queue(0, 'orders', { maxDeliveries: 1 }).send('a'))
    const { messaging } = room.tabs[0] as (typeof room.tabs)[number]
    await room.settle(messaging.destinations.configure('DLQ.orders', { maxBytes: 1 }))
    const loop = room.loop(0, { ack: 'individual' }, (delivery) => delivery.nack())
    await room.sim.runUntil(() => loop.got.length === 1, MINUTE, 'it is tried')
    await room.sim.run(MINUTE)
    expect(await room.settle(room.queue(0).stats())).toMatchObject({ stuck: 1, dead: 0, messages: 1 })
    expect(await room.settle(room.queue(0).purge())).toBe(1)
  })

  test('QUE51 a member that cannot read a table of the room holds up nobody who changes it', async () => {
    const room = await QueueRoom.open(
      3,
      1,
      {},
      {
        room: (inner, tab) => (tab.index === 2 ? refusing('queue.diverts', () => true)(inner) : inner),
      },
    )
    const { messaging } = room.tabs[0] as (typeof room.tabs)[number]
    await room.settle(messaging.destinations.divert('turn', { from: 'left', to: 'right' }), MINUTE)
    expect(room.tabs[1]?.messaging.destinations.diverts()).toHaveLength(1)
  })

  test('QUE51 a member that cannot read a message of a topic with history gets those that follow', async () => {
    const isMeant = (body: unknown) =>
      (body as { items: readonly (readonly unknown[])[] }).items.some((item) => item[4] !== undefined)
    const room = await QueueRoom.open(
      2,
      1,
      {},
      {
        room: (inner, tab) => (tab.index === 1 ? refusing('msg.store', isMeant)(inner) : inner),
      },
    )
    const topic = room.tabs[0]?.messaging.topic('chat.general')
    for (let at = 0; at < 5; at++)
      await room.settle(topic?.publish(at, at === 2 ? { headers: { odd: true } } : {}) as Promise<unknown>)
    const other = room.tabs[1]?.messaging.history
    await room.sim.runUntil(() => other?.entries('chat.general').length === 4, MINUTE, 'the others came')
  })
})

describe('limits', () => {
  test('QUE52 the 1,001st queue is refused to whoever uses it; dead letters of the others find a place', async () => {
    const room = await QueueRoom.open(1)
    const settings = { autoDelete: false, maxDeliveries: 1 }
    for (let at = 0; at < 1_000; at += 50)
      await room.settle(
        Promise.all(Array.from({ length: 50 }, (_, n) => room.queue(0, `q${at + n}`, settings).stats())),
      )
    const more = room.queue(0, 'more')
    expect(await failureOf(room.settle(more.send(1), MINUTE))).toMatchObject({ code: 'queue-full' })
    expect(await failureOf(room.settle(more.consume().ready, MINUTE))).toMatchObject({ code: 'queue-full' })
    expect(await failureOf(room.settle(more.stats(), MINUTE))).toMatchObject({ code: 'queue-full' })
    expect(await failureOf(room.settle(more.purge(), MINUTE))).toMatchObject({ code: 'queue-full' })
    await room.settle(room.queue(0, 'q7', settings).send('dies'))
    room.loop(0, { queue: 'q7', ack: 'individual' }, (delivery) => delivery.nack())
    const dead = room.loop(0, { queue: 'DLQ.q7' })
    await room.sim.runUntil(() => dead.got.length === 1, MINUTE, 'it is among the dead')
  })

  test.each(['block', 'fail', 'drop-oldest'] as const)(
    'QUE52 a body larger than all that a queue may hold is refused (%s), those around it come out',
    async (whenFull) => {
      const room = await QueueRoom.open(2)
      const queue = room.queue(0, 'orders', { maxBytes: 10_000, whenFull })
      const sends = ['a', 'x'.repeat(20_000), 'b'].map((body) => queue.send(body))
      const ended = await room.settle(Promise.allSettled(sends), MINUTE)
      expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(ended[1]).toMatchObject({ reason: { code: 'too-large' } })
      const loop = room.loop(1)
      await room.sim.runUntil(() => loop.got.length === 2, MINUTE, 'the others came')
      expect(loop.bodies).toEqual(['a', 'b'])
    },
  )

  test('QUE33 names that ended do not count, however many there were; none of them comes back', async () => {
    const room = await QueueRoom.open(3)
    const { messaging } = room.tabs[0] as (typeof room.tabs)[number]
    const { destinations } = messaging
    for (let at = 0; at < 450; at++) {
      await room.settle(destinations.divert(`d${at}`, { from: 'a', to: 'b' }))
      await room.settle(destinations.undivert(`d${at}`))
      // One is away from now on, and comes back with what it knows of the first.
      if (at === 0) room.kill(2)
    }
    // One that was forgotten here as ended begins anew, and holds everywhere.
    await room.settle(destinations.divert('d0', { from: 'a', to: 'c' }))
    for (let at = 0; at < 199; at++) await room.settle(destinations.divert(`e${at}`, { from: 'a', to: 'b' }))
    const full = destinations.divert('one-more', { from: 'a', to: 'b' })
    expect(await failureOf(room.settle(full))).toMatchObject({ code: 'queue-full' })
    await room.returns(2)
    await room.sim.run(10_000)
    const all = room.tabs.map((tab) =>
      tab.messaging.destinations
        .diverts()
        .map(({ name }) => name)
        .sort(),
    )
    expect(all[0]).toHaveLength(200)
    expect(all[1]).toEqual(all[0])
    expect(all[2]).toEqual(all[0])
  }, 30_000)

  test('QUE33 a name that was forgotten as ended holds again against the only other who remembers its end', async () => {
    const room = await QueueRoom.open(2)
    const { destinations } = (room.tabs[0] as (typeof room.tabs)[number]).messaging
    for (let at = 0; at < 202; at++) {
      await room.settle(destinations.divert(`d${at}`, { from: 'a', to: 'b' }))
      await room.settle(destinations.undivert(`d${at}`))
      if (at === 0) room.kill(1)
    }
    await room.settle(destinations.divert('d0', { from: 'a', to: 'c' }))
    await room.returns(1)
    await room.sim.run(10_000)
    for (const { messaging } of room.tabs)
      expect(messaging.destinations.diverts().map(({ name }) => name)).toEqual(['d0'])
  }, 30_000)

  test('QUE52 what is finished stays so after a reload, with 100,000 gaps and more between', async () => {
    const store = await new MemoryDisk().open(MESSAGING_TABLES)
    const from = 'a'.repeat(32) as PeerId
    const stream = 'b'.repeat(26)
    const replica = new Replica('orders', store, { number: 1, owner: from })
    await replica.adopt({ number: 1, owner: from })
    const times = { order: 1, priority: 4, sentAt: 1, expiresAt: 0, deliverAt: 0 }
    const rest = { body: encodeBody('x'), headers: NO_HEADERS, tags: {} }
    await replica.add([1, 2, 3, 4].map((number) => ({ from, stream, number, ...times, ...rest })))
    const odd = new Intervals(Array.from({ length: 200_002 }, (_, at) => 2 * Math.floor(at / 2) + 1))
    expect(odd.runs).toBe(100_001)
    const source = replica.source(from, stream)
    replica.finish(source, odd)
    await replica.settled()
    const again = (await loadReplicas(store)).get('orders')
    expect([...(again?.messages() ?? [])].map(({ number }) => number)).toEqual([2, 4])
    // Another member hears of all of them.
    const state = { from, stream, high: odd.max, done: odd, have: new Intervals([2, 2]) }
    expect(readSources([sourceToWire(state)])?.[0]?.done.runs).toBe(100_001)
  })
})

describe('limits that are reached', () => {
  test('QUE52 of 1,000 consumers each keeps its place when it registers again; one more is told', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('a'))
    const owner = room.tabs[await room.owner()]?.tab.peerId as PeerId
    const asker = room.tabs.find(({ tab }) => tab.peerId !== owner)?.room
    const head = headToWire('orders', { number: 1, owner })
    const consume = (consumer: string, replaces: string) => {
      const wishes = { window: 0, priority: 0, isExclusive: false, selector: '', claims: [] }
      const body = { ...head, ...wishes, consumer, replaces }
      return room.settle(
        asker?.request(owner, 'queue.consume', body, { timeoutMs: 5_000 }) as Promise<unknown>,
      )
    }
    for (let at = 0; at < 1_000; at++) await consume(`c${at}.1`, `c${at}.0`)
    expect(await consume('c7.2', 'c7.1')).toMatchObject({ granted: [] })
    expect(await failureOf(consume('more.1', 'more.0'))).toMatchObject({ code: 'queue-full' })
    const loop = room.loop(1)
    await room.sim.runUntil(() => loop.errors.length === 1, MINUTE, 'a loop is told')
    expect(loop.errors[0]).toMatchObject({ code: 'queue-full' })
  })

  test('QUE38 a message that dies and is sent back again and again does so every time', async () => {
    const room = await QueueRoom.open(2)
    const settings = { maxDeliveries: 1 }
    await room.settle(room.queue(0, 'orders', settings).send('a', { headers: FULL_HEADERS }))
    const loop = room.loop(1, { ack: 'individual' }, (delivery) => delivery.nack())
    for (let times = 1; times <= 6; times++) {
      await room.sim.runUntil(() => loop.got.length === times, MINUTE, `it is tried ${times} times`)
      await room.sim.run(3_000)
      const dead = room.queue(0, 'DLQ.orders')
      expect((await room.settle(dead.stats())).messages).toBe(1)
      if (times < 6) expect(await room.settle(dead.retry())).toBe(1)
    }
    expect(Object.keys(loop.got.at(-1)?.headers ?? {})).toHaveLength(32)
  })
})

describe('settings', () => {
  test('QUE24 a sender is told of a conflict, also where another made the queue', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'orders', { maxDeliveries: 5 }).send(1))
    const other = room.queue(1, 'orders', { maxDeliveries: 6 })
    expect(await failureOf(room.settle(other.send(2), MINUTE))).toMatchObject({ code: 'settings-conflict' })
    expect((await room.settle(room.queue(0).stats())).messages).toBe(1)
  })

  test('QUE24 a queue that came back by somebody who asked for nothing has what its first user asks for', async () => {
    const room = await QueueRoom.open(2)
    const settings = { maxDeliveries: 3, redeliveryDelayMs: 50 }
    await room.settle(room.queue(0, 'orders', settings).send('before'))
    const first = room.loop(0)
    await room.sim.runUntil(() => first.got.length === 1, MINUTE, 'it came')
    first.stop()
    await room.sim.runUntil(
      () => !room.tabs.some(({ messaging }) => messaging.destinations.queues().includes('orders')),
      2 * MINUTE,
      'the queue has gone',
    )
    await room.settle(room.queue(1).send('meanwhile'))
    expect((await room.settle(room.queue(1).stats())).settings.maxDeliveries).toBe(10)
    await room.settle(room.queue(0, 'orders', settings).send('again'), MINUTE)
    expect((await room.settle(room.queue(1).stats())).settings).toMatchObject(settings)
    const loop = room.loop(0)
    await room.sim.runUntil(() => loop.got.length === 2, MINUTE, 'both are there')
    expect(loop.bodies).toEqual(['meanwhile', 'again'])
    // From now on both have asked.
    const third = room.queue(1, 'orders', { maxDeliveries: 4 })
    expect(await failureOf(room.settle(third.send(1)))).toMatchObject({ code: 'settings-conflict' })
  })

  test('QUE32 unsubscribing a durable name ends its loops, wherever they run', async () => {
    const room = await QueueRoom.open(3)
    const ended: string[] = []
    const got: unknown[] = []
    for (const index of [1, 2])
      void (async () => {
        const subscription = room.tabs[index]?.messaging
          .topic('news')
          .subscribe({ durable: 'd', shared: true })
        for await (const { body } of subscription ?? []) got.push(body)
        ended.push(`loop ${index}`)
      })()
    const [{ messaging }] = room.tabs as [(typeof room.tabs)[0]]
    await room.sim.run(5_000)
    await room.settle(messaging.topic('news').publish('one', { level: 'stored' }))
    await room.sim.runUntil(() => got.length === 1, MINUTE, 'one came')
    await room.settle(messaging.topic('news').unsubscribe('d'))
    await room.sim.runUntil(() => ended.length === 2, MINUTE, 'both loops have ended')
    expect((await room.settle(room.queue(0, 'SUB.d').stats())).consumers).toBe(0)
  })
})

describe('what nobody meant', () => {
  test('QUE32 a durable `#` keeps no presence of the page', async () => {
    const room = await QueueRoom.open(2)
    const [{ messaging }, other] = room.tabs as [(typeof room.tabs)[0], (typeof room.tabs)[0]]
    const end = new AbortController()
    const subscription = messaging.topic('#').subscribe({ durable: 'everything', signal: end.signal })
    await room.settle(subscription.ready)
    end.abort()
    for (let at = 0; at < 5; at++)
      await room.settle(other.messaging.topic('$presence.chat').publish({ typing: at }))
    await room.settle(other.messaging.topic('news').publish('kept', { level: 'stored' }))
    expect((await room.settle(room.queue(0, 'SUB.everything').stats())).messages).toBe(1)
  })

  test('MSG3 who subscribes to more than 256 patterns gets those that begin with `$` as well', async () => {
    const room = await QueueRoom.open(2)
    const [{ messaging }, other] = room.tabs as [(typeof room.tabs)[0], (typeof room.tabs)[0]]
    const got: unknown[] = []
    void (async () => {
      for await (const { body } of messaging.topic('$presence.#').subscribe()) got.push(body)
    })()
    const subscriptions = Array.from({ length: 300 }, (_, at) => messaging.topic(`t${at}`).subscribe())
    await room.settle(Promise.all(subscriptions.map(({ ready }) => ready)))
    await room.settle(other.messaging.topic('$presence.chat').publish('here'))
    await room.sim.runUntil(() => got.length === 1, MINUTE, 'it came')
  })

  test('QUE37 a queue that is called like a retained one by chance is one like any other', async () => {
    const room = await QueueRoom.open(2)
    const queue = room.queue(0, 'RET.urn')
    await room.settle(queue.send('a'))
    const loop = room.loop(1, { queue: 'RET.urn' })
    await room.sim.runUntil(() => loop.got.length === 1, MINUTE, 'it came')
    await room.sim.run(5_000)
    expect(await room.settle(queue.stats())).toMatchObject({ messages: 0, acked: 1 })
    expect((await room.settle(queue.stats())).settings.nonDestructive).toBe(false)
    // Nor is what waits there taken for what the room retains of a topic.
    loop.stop()
    await room.settle(queue.send('b'))
    const got: unknown[] = []
    void (async () => {
      for await (const { body } of room.tabs[0]?.messaging.topic('urn').subscribe({ history: true }) ?? [])
        got.push(body)
    })()
    await room.sim.run(5_000)
    expect(got).toEqual([])
  })

  test('QUE34 300 questions that nobody answered leave nothing behind', async () => {
    const room = await QueueRoom.open(2)
    const asked = Array.from({ length: 300 }, (_, at) =>
      failureOf(room.tabs[at % 2]?.messaging.request('prices', at, { timeoutMs: 2_000 }) as Promise<unknown>),
    )
    const errors = await room.settle(Promise.all(asked), MINUTE)
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['no-reply']))
    await room.sim.run(10_000)
    expect(room.tabs[0]?.messaging.destinations.queues()).not.toContain('EXP.prices')
    expect(await room.settle(room.queue(0, 'prices').stats())).toMatchObject({ messages: 0, expired: 300 })
  })
})
