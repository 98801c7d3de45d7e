import { describe, expect, test } from 'vitest'
import type { Destinations, Message } from '../../../web/messaging/index.ts'
import { comparePatterns } from '../../../web/messaging/queue/address-settings.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000

function at(room: QueueRoom, index: number) {
  return (room.tabs[index] as (typeof room.tabs)[number]).messaging
}

function destinations(room: QueueRoom, index = 0): Destinations {
  return at(room, index).destinations
}

async function collect(room: QueueRoom, index: number, pattern: string, ms: number): Promise<Message[]> {
  const end = new AbortController()
  const got: Message[] = []
  const subscription = at(room, index).topic(pattern).subscribe({ history: true, signal: end.signal })
  const reading = (async () => {
    for await (const message of subscription) got.push(message)
  })().catch(() => {
    // Ended below.
  })
  await room.sim.run(ms)
  end.abort(new Error('enough'))
  await room.settle(reading)
  return got
}

describe('settings by pattern', () => {
  test('QUE35 the more specific pattern is the one with the fewer wildcards, word by word', () => {
    const patterns = ['a.b', '#', 'a.*', 'a.#', '*.b', 'a', 'a.b.#']
    expect([...patterns].sort(comparePatterns)).toEqual(['#', '*.b', 'a.#', 'a.*', 'a', 'a.b.#', 'a.b'])
  })

  test('QUE35 layers merge setting by setting, for queues that are there too, and for every member', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'shop.orders').send(1))
    await room.settle(destinations(room, 1).configure('#', { maxDeliveries: 3, redeliveryDelayMs: 50 }))
    await room.settle(destinations(room, 2).configure('shop.*', { maxDeliveries: 5 }))
    await room.sim.run(5 * SECOND)
    const { settings, messages } = await room.settle(room.queue(0, 'shop.orders').stats())
    expect(settings).toMatchObject({ maxDeliveries: 5, redeliveryDelayMs: 50 })
    expect(messages).toBe(1)
    await room.settle(room.queue(1, 'other').send(1))
    expect((await room.settle(room.queue(1, 'other').stats())).settings).toMatchObject({ maxDeliveries: 3 })
    await room.settle(destinations(room, 0).forget('#'))
    await room.sim.run(5 * SECOND)
    expect((await room.settle(room.queue(2, 'other').stats())).settings).toMatchObject({ maxDeliveries: 10 })
  })

  test('QUE35 what a user of a queue asked for stays; to ask for what the room has otherwise is a conflict', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'own', { maxDeliveries: 7 }).send(1))
    await room.settle(destinations(room).configure('#', { maxDeliveries: 3 }))
    await room.sim.run(5 * SECOND)
    expect((await room.settle(room.queue(1, 'own').stats())).settings.maxDeliveries).toBe(7)
    const other = room.queue(1, 'fresh', { maxDeliveries: 9 })
    expect(await failureOf(room.settle(other.send(1)))).toMatchObject({ code: 'settings-conflict' })
  })

  test('QUE33 a member that was away learns them, and brings back nothing that was ended', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).configure('a', { maxDeliveries: 2 }))
    room.kill(1)
    await room.sim.run(10 * SECOND)
    await room.settle(destinations(room).forget('a'))
    await room.settle(destinations(room).configure('b', { maxDeliveries: 4 }))
    await room.returns(1)
    await room.meets()
    for (const index of [0, 1])
      expect(destinations(room, index).settings()).toEqual([{ pattern: 'b', settings: { maxDeliveries: 4 } }])
  })

  test('QUE30 settings, patterns and diverts that break their rules are refused', async () => {
    const room = await QueueRoom.open(1)
    const { configure, divert } = destinations(room)
    for (const settings of [{ retain: -1 }, { retainMs: Number.NaN }, { copies: 99 }, { what: 1 }])
      expect(await failureOf(configure('a', settings as never))).toMatchObject({ code: 'bad-option' })
    expect(await failureOf(configure('a..b', {}))).toMatchObject({ code: 'bad-name' })
    expect(await failureOf(divert('x', { from: 'a', to: 'b.*' }))).toMatchObject({ code: 'bad-name' })
    expect(await failureOf(divert('x', { from: 'a', to: 'b', selector: 'a =' }))).toMatchObject({
      code: 'bad-selector',
    })
  })
})

describe('diverts', () => {
  test('QUE36 a copy goes to another queue, with the address that it came by', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(
      destinations(room, 1).divert('audit', { from: 'orders.#', to: 'audit', selector: 'total > 100' }),
    )
    for (const total of [50, 500])
      await room.settle(room.queue(0, 'orders.eu').send(total, { headers: { total } }))
    const orders = room.loop(1, { queue: 'orders.eu' })
    const audit = room.loop(1, { queue: 'audit' })
    await room.sim.run(2 * SECOND)
    expect(orders.bodies).toEqual([50, 500])
    expect(audit.bodies).toEqual([500])
    expect(audit.got[0]).toMatchObject({
      address: 'orders.eu',
      headers: { total: 500, _AMQ_ORIG_ADDRESS: 'orders.eu' },
    })
    await room.settle(destinations(room).undivert('audit'))
    await room.settle(room.queue(0, 'orders.eu').send(900, { headers: { total: 900 } }))
    await room.sim.run(2 * SECOND)
    expect(audit.bodies).toEqual([500])
  })

  test('QUE36 an exclusive one takes it away, from subscribers too, and comes before the others', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).divert('away', { from: 'a', to: 'there', exclusive: true }))
    await room.settle(destinations(room).divert('too', { from: 'a', to: 'copy' }))
    const plain: unknown[] = []
    const subscription = at(room, 1).topic('a').subscribe()
    void (async () => {
      for await (const message of subscription) plain.push(message.body)
    })()
    await room.settle(subscription.ready)
    await room.settle(at(room, 0).topic('a').publish('published'))
    await room.settle(room.queue(0, 'a').send('sent'))
    const there = room.loop(1, { queue: 'there' })
    const copy = room.loop(1, { queue: 'copy' })
    await room.sim.run(3 * SECOND)
    expect(there.bodies).toEqual(['published', 'sent'])
    expect([plain, copy.bodies]).toEqual([[], []])
  })
})

describe('retained messages', () => {
  test('QUE37 a newcomer gets the latest, oldest first, though their sender has gone', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).configure('weather.#', { retain: 3 }))
    for (let n = 1; n <= 5; n++) await room.settle(at(room, 0).topic('weather.home').publish(n))
    const newcomer = await room.joins()
    room.kill(0)
    await room.sim.run(10 * SECOND)
    const got = await collect(room, newcomer, 'weather.home', 10 * SECOND)
    expect(got.map(({ body, topic }) => [topic, body])).toEqual([3, 4, 5].map((n) => ['weather.home', n]))
    const wild = await collect(room, newcomer, 'weather.*', 5 * SECOND)
    expect(wild.map(({ body }) => body)).toEqual([3, 4, 5])
  })

  test('QUE37 what comes both ways comes once, and old ones end', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(destinations(room).configure('ticks', { retain: 10, retainMs: 5_000 }))
    await room.settle(at(room, 0).topic('ticks').publish('early'))
    const reading = collect(room, 1, 'ticks', 3 * SECOND)
    // Published while the loop still reads what was retained.
    const late = at(room, 0).topic('ticks').publish('late')
    const got = await reading
    await room.settle(late)
    expect(got.map(({ body }) => body)).toEqual(['early', 'late'])
    await room.sim.run(10 * SECOND)
    expect(await collect(room, 1, 'ticks', 3 * SECOND)).toEqual([])
  })
})
