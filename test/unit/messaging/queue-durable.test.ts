import { describe, expect, test } from 'vitest'
import type { Message, SubscribeOptions, Topic } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000

function topic(room: QueueRoom, index: number, name: string): Topic {
  return (room.tabs[index] as (typeof room.tabs)[number]).messaging.topic(name)
}

/** Reads a durable subscription until `stop`. */
function follow(room: QueueRoom, index: number, pattern: string, options: SubscribeOptions) {
  const end = new AbortController()
  const subscription = topic(room, index, pattern).subscribe({ ...options, signal: end.signal })
  const got: Message[] = []
  void (async () => {
    for await (const message of subscription) got.push(message)
  })().catch(() => {
    // The test has ended it.
  })
  return { got, ready: subscription.ready, stop: () => end.abort(new Error('stopped')) }
}

const bodiesOf = (got: readonly Message[]) => got.map(({ body }) => body)

describe('durable subscriptions', () => {
  test('QUE32 what is published while nobody subscribes waits, though its sender has gone', async () => {
    const room = await QueueRoom.open(3)
    const first = follow(room, 1, 'news.#', { durable: 'reader' })
    await room.settle(first.ready)
    await topic(room, 0, 'news.local').publish('seen')
    await room.sim.run(SECOND)
    expect(bodiesOf(first.got)).toEqual(['seen'])
    room.kill(1)
    await room.sim.run(10 * SECOND)
    const result = await room.settle(
      topic(room, 0, 'news.world').publish({ n: 1 }, { level: 'stored', headers: { a: 1 } }),
    )
    expect(result.level).toBe('stored')
    await room.settle(topic(room, 2, 'news.local').publish('two'))
    await room.settle(topic(room, 2, 'other').publish('not this'))
    await room.sim.run(5 * SECOND)
    room.kill(0)
    await room.sim.run(10 * SECOND)
    await room.returns(1)
    const again = follow(room, 1, 'news.#', { durable: 'reader' })
    await room.sim.run(20 * SECOND)
    expect(bodiesOf(again.got)).toContainEqual({ n: 1 })
    expect(bodiesOf(again.got)).toContain('two')
    const world = again.got.find(({ topic: name }) => name === 'news.world')
    expect(world).toMatchObject({ body: { n: 1 }, headers: { a: 1 }, from: room.tabs[0]?.tab.peerId })
    expect(again.got).toHaveLength(2)
  })

  test('QUE32 a message for durable subscribers is replicated like one of a queue', async () => {
    const room = await QueueRoom.open(3)
    const reader = follow(room, 1, 'news.#', { durable: 'reader' })
    await room.settle(reader.ready)
    const sent = topic(room, 0, 'news.local').publish(1, { level: 'replicated' })
    expect(await room.settle(sent)).toMatchObject({ level: 'replicated', copies: 2 })
  })

  test('QUE32 each name gets a copy, and so does who subscribes without one; one loop of a name gets it', async () => {
    const room = await QueueRoom.open(3)
    const loops = [
      follow(room, 1, 'a.*', { durable: 'one' }),
      follow(room, 2, 'a.*', { durable: 'one' }),
      follow(room, 2, 'a.b', { durable: 'two' }),
      follow(room, 1, 'a.b', {}),
    ]
    await room.settle(Promise.all(loops.map(({ ready }) => ready)))
    for (const n of [1, 2, 3]) await room.settle(topic(room, 0, 'a.b').publish(n))
    await room.sim.run(2 * SECOND)
    const [first, second, other, plain] = loops.map(({ got }) => bodiesOf(got))
    expect([first, second]).toContainEqual([1, 2, 3])
    expect([first, second]).toContainEqual([])
    expect(other).toEqual([1, 2, 3])
    expect(plain).toEqual([1, 2, 3])
  })

  test('QUE32 shared loops divide the messages of a name', async () => {
    const room = await QueueRoom.open(3)
    const loops = [1, 2].map((index) => follow(room, index, 'jobs', { durable: 'workers', shared: true }))
    await room.settle(Promise.all(loops.map(({ ready }) => ready)))
    for (let n = 0; n < 6; n++) await room.settle(topic(room, 0, 'jobs').publish(n))
    await room.sim.run(2 * SECOND)
    const all = loops.map(({ got }) => bodiesOf(got))
    expect(all.flat().sort()).toEqual([0, 1, 2, 3, 4, 5])
    expect(all.map((bodies) => bodies.length)).toEqual([3, 3])
  })

  test('QUE32 its selector chooses what waits; another pattern or selector for the name is a conflict', async () => {
    const room = await QueueRoom.open(2)
    const big = follow(room, 1, 'sizes', { durable: 'big', selector: 'size > 10' })
    await room.settle(big.ready)
    for (const size of [5, 50])
      await room.settle(topic(room, 0, 'sizes').publish(size, { headers: { size } }))
    await room.sim.run(SECOND)
    expect(bodiesOf(big.got)).toEqual([50])
    for (const [pattern, selector] of [
      ['sizes', 'size > 11'],
      ['other', 'size > 10'],
    ] as const) {
      const other = topic(room, 0, pattern).subscribe({ durable: 'big', selector })
      expect(await failureOf(room.settle(other.ready))).toMatchObject({ code: 'settings-conflict' })
    }
    expect(() => topic(room, 0, 'sizes').subscribe({ durable: 'a b' })).toThrowError(
      expect.objectContaining({ code: 'bad-name' }),
    )
    expect(() => topic(room, 0, 'sizes').subscribe({ durable: 'x', history: true })).toThrowError(
      expect.objectContaining({ code: 'bad-option' }),
    )
  })

  test('QUE33 whoever comes knows them; an ended one stays ended though somebody was away', async () => {
    const room = await QueueRoom.open(3)
    const reader = follow(room, 0, 'news', { durable: 'reader' })
    await room.settle(reader.ready)
    reader.stop()
    const newcomer = await room.joins()
    await room.settle(topic(room, newcomer, 'news').publish('from the newcomer'))
    await room.sim.run(2 * SECOND)
    const again = follow(room, 1, 'news', { durable: 'reader' })
    await room.sim.run(2 * SECOND)
    expect(bodiesOf(again.got)).toEqual(['from the newcomer'])
    again.stop()
    room.kill(2)
    await room.sim.run(10 * SECOND)
    await room.settle(topic(room, 1, 'news').unsubscribe('reader'))
    await room.returns(2)
    await room.sim.run(10 * SECOND)
    await room.settle(topic(room, 2, 'news').publish('nobody waits'))
    await room.sim.run(2 * SECOND)
    expect((await room.settle(room.queue(0, 'SUB.reader').stats())).messages).toBe(0)
  })
})

describe('questions', () => {
  test('QUE34 a request resolves with the answer of whoever takes it', async () => {
    const room = await QueueRoom.open(2)
    room.loop(1, { queue: 'prices' }, (delivery) =>
      delivery.reply({ price: 42, of: delivery.body }, { headers: { ok: true } }),
    )
    const answer = await room.settle(messaging(room, 0).request('prices', 'apples'))
    expect(answer).toMatchObject({
      body: { price: 42, of: 'apples' },
      headers: { ok: true },
      from: room.tabs[1]?.tab.peerId,
    })
  })

  test('QUE34 no answer in time, and an answer that comes too late, are no-reply', async () => {
    const room = await QueueRoom.open(2)
    const late: unknown[] = []
    room.loop(1, { queue: 'slow' }, async (delivery) => {
      await new Promise<void>((resolve) => {
        room.sim.clock.after(3_000, resolve)
      })
      late.push(await failureOf(delivery.reply('too late')))
    })
    const asked = messaging(room, 0).request('slow', 1, { timeoutMs: 2_000 })
    expect(await failureOf(room.settle(asked))).toMatchObject({ code: 'no-reply' })
    await room.sim.run(5 * SECOND)
    expect(late).toMatchObject([{ code: 'no-reply' }])
  })

  test('QUE34 a replyTo that is a queue gets the answer there; without one there is no answering', async () => {
    const room = await QueueRoom.open(2)
    const errors: unknown[] = []
    room.loop(1, { queue: 'work' }, async (delivery) => {
      if (delivery.replyTo === undefined) errors.push(await failureOf(delivery.reply('x')))
      else await delivery.reply(`done ${String(delivery.body)}`)
    })
    const { id } = await room.settle(room.queue(0, 'work').send('a', { replyTo: 'answers' }))
    await room.settle(room.queue(0, 'work').send('b', { replyTo: 'answers', correlationId: 'c7' }))
    await room.settle(room.queue(0, 'work').send('c'))
    const answers = room.loop(0, { queue: 'answers' })
    await room.sim.run(5 * SECOND)
    expect(answers.got.map(({ body, correlationId }) => [body, correlationId])).toEqual([
      ['done a', id],
      ['done b', 'c7'],
    ])
    expect(errors).toMatchObject([{ code: 'bad-option' }])
  })

  test('QUE34 a signal ends the wait', async () => {
    const room = await QueueRoom.open(1)
    const end = new AbortController()
    const asked = messaging(room, 0).request('nobody', 1, { signal: end.signal })
    await room.sim.run(SECOND)
    const reason = new Error('enough')
    end.abort(reason)
    expect(await failureOf(room.settle(asked))).toBe(reason)
  })
})

function messaging(room: QueueRoom, index: number) {
  return (room.tabs[index] as (typeof room.tabs)[number]).messaging
}
