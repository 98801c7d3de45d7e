import { describe, expect, test } from 'vitest'
import { deriveRoom } from '../../../web/mesh/index.ts'
import { MAX_BODY_BYTES, type Message, MessagingError } from '../../../web/messaging/index.ts'
import type { Value } from '../../../web/wire/index.ts'
import { createSimulation, type Simulation } from '../../support/sim/index.ts'
import { type MessagingTab, openMessagingTab } from '../../support/sim/messaging-tab.ts'

interface TestRoom {
  readonly sim: Simulation
  readonly alice: MessagingTab
  readonly bob: MessagingTab
  open(index: number): Promise<MessagingTab>
  reopen(index: number): Promise<MessagingTab>
}

async function openRoom(seed = 1): Promise<TestRoom> {
  const sim = createSimulation(seed)
  const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(7))
  const open = (index: number) =>
    sim.settle(openMessagingTab(sim.tab(index), keys, ['Alice', 'Bob', 'Carol'][index]))
  const alice = await open(0)
  const bob = await open(1)
  await sim.runUntil(() => alice.room.members().length === 2 && bob.room.members().length === 2, 10_000)
  await sim.run(100)
  return {
    sim,
    alice,
    bob,
    open,
    reopen: async (index) => {
      sim.tab(index).restart()
      return open(index)
    },
  }
}

function collect(messages: AsyncIterable<Message>): Message[] {
  const seen: Message[] = []
  void (async () => {
    for await (const message of messages) seen.push(message)
  })()
  return seen
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('topics without history', () => {
  test('MSG2 a message reaches matching subscriptions of members and of its own node, and no others', async () => {
    const { sim, alice, bob } = await openRoom()
    const wide = collect(bob.messaging.topic('sensors.*.temp').subscribe())
    const own = collect(alice.messaging.topic('sensors.#').subscribe())
    const other = collect(bob.messaging.topic('sensors.lab1').subscribe())
    await sim.run(100)
    const sent = alice.messaging
      .topic('sensors.lab1.temp')
      .publish({ celsius: 21.5 }, { headers: { unit: 'C' } })
    const result = await sim.settle(sent)
    await sim.run(100)
    expect(result).toMatchObject({ level: 'accepted', copies: 2 })
    for (const seen of [wide, own]) {
      expect(seen).toHaveLength(1)
      const from = alice.room.self.peerId
      expect(seen[0]).toMatchObject({ id: result.id, body: { celsius: 21.5 }, headers: { unit: 'C' }, from })
    }
    expect(other).toEqual([])
  })

  test('MSG3 ready resolves when every present member knows; then nothing is missed', async () => {
    const { sim, alice, bob } = await openRoom()
    const subscription = bob.messaging.topic('plain.*').subscribe()
    await sim.settle(subscription.ready)
    const seen = collect(subscription)
    await alice.messaging.topic('plain.a').publish(1)
    await sim.run(50)
    expect(seen.map((message) => message.body)).toEqual([1])
  })

  test('MSG3 nothing is sent to members without a matching subscription', async () => {
    const { sim, alice, bob } = await openRoom()
    bob.endAll()
    await sim.run(100)
    const only = bob.messaging.topic('wanted.#').subscribe()
    await sim.settle(only.ready)
    expect((await alice.messaging.topic('wanted.a').publish(1)).copies).toBe(2)
    expect((await alice.messaging.topic('unwanted').publish(1)).copies).toBe(1)
    await sim.run(100)
    expect(bob.seen).toEqual([])
  })

  test('MSG7 small and large messages keep their order', async () => {
    const { sim, alice, bob } = await openRoom()
    const seen = collect(bob.messaging.topic('mixed').subscribe({ bufferBytes: 64 * 1024 * 1024 }))
    await sim.run(100)
    const sizes = Array.from({ length: 60 }, (_, n) => (n % 7 === 3 ? 200_000 : 10))
    const sends = sizes.map((size, n) => alice.messaging.topic('mixed').publish([n, new Uint8Array(size)]))
    await sim.settle(Promise.all(sends))
    await sim.runUntil(() => seen.length === sizes.length, 60_000)
    expect(seen.map((message) => (message.body as [number])[0])).toEqual(sizes.map((_, n) => n))
  })

  test('MSG8 a reader that is too slow loses the oldest, and they are counted', async () => {
    const { sim, alice, bob } = await openRoom()
    const slow = bob.messaging.topic('flood').subscribe({ bufferBytes: 10_000 })
    await sim.settle(slow.ready)
    for (let n = 0; n < 100; n++) await alice.messaging.topic('flood').publish([n, 'x'.repeat(500)])
    await sim.run(200)
    expect(slow.dropped).toBeGreaterThan(50)
    const seen = collect(slow)
    await sim.run(10)
    expect(seen.at(-1)?.body).toMatchObject([99, expect.any(String)])
    expect(seen.length + slow.dropped).toBe(100)
  })

  test('MSG8 a peer that is blocked holds a publisher up for two seconds, not for ever', async () => {
    const { sim, alice, bob } = await openRoom()
    collect(bob.messaging.topic('flood').subscribe())
    await sim.run(100)
    bob.tab.pause(4_000)
    const began = sim.clock.now()
    const send = async () => {
      for (let n = 0; n < 300; n++) await alice.messaging.topic('flood').publish(new Uint8Array(100_000))
    }
    await sim.settle(send(), 30_000)
    expect(sim.clock.now() - began).toBeLessThan(3_500)
  })

  test('MSG8 a publisher that never waits is refused before memory runs out', async () => {
    const { alice } = await openRoom()
    const sends = Array.from({ length: 100 }, () =>
      failure(alice.messaging.topic('flood').publish(new Uint8Array(200_000))),
    )
    const errors = (await Promise.all(sends.slice(-1))) as MessagingError[]
    expect(errors[0]).toBeInstanceOf(MessagingError)
    expect(errors[0]?.code).toBe('outbox-full')
  })

  test.each([
    ['a wildcard', 'a.*', 1, {}, 'bad-name'],
    ['a function', 'a', () => 1, {}, 'bad-body'],
    ['too much', 'a', new Uint8Array(MAX_BODY_BYTES), {}, 'too-large'],
    ['a header without a meaning', 'a', 1, { headers: { x: {} } }, 'bad-option'],
    ['a level that nobody gives', 'a', 1, { level: 'stored' }, 'bad-option'],
  ])('MSG9 publishing %s is refused', async (_, topic, body, options, code) => {
    const { alice } = await openRoom()
    const error = await failure(alice.messaging.topic(topic).publish(body, options as object))
    expect(error).toMatchObject({ code })
  })

  test('MSG2 break ends a subscription; a signal rejects its loop', async () => {
    const { sim, alice } = await openRoom()
    const controller = new AbortController()
    const ended = alice.messaging.topic('a').subscribe({ signal: controller.signal })
    const loop = (async () => {
      for await (const _ of ended) break
    })()
    const result = failure(loop)
    controller.abort(new Error('enough'))
    expect(await sim.settle(result)).toMatchObject({ message: 'enough' })
  })
})

describe('topics with history', () => {
  test('MSG4 accepted is on this disk; stored is on another; the page sees sending, then delivered', async () => {
    const { sim, alice, bob } = await openRoom()
    const { history } = alice.messaging
    await sim.settle(alice.messaging.topic('chat.general').publish('hello'))
    const sending = history.entries('chat.general')
    expect(sending).toMatchObject([{ body: 'hello', state: 'sending', name: 'Alice' }])
    expect(history.entries('chat.general')).toBe(sending)
    const stored = await sim.settle(
      alice.messaging.topic('chat.general').publish('again', { level: 'stored' }),
    )
    expect(stored).toMatchObject({ level: 'stored', copies: 2 })
    expect(history.entries('chat.general').map((entry) => entry.state)).toEqual(['delivered', 'delivered'])
    expect(bob.messaging.history.entries('chat.general')).toMatchObject([
      { body: 'hello', state: 'received', name: 'Alice' },
      { body: 'again', state: 'received', name: 'Alice' },
    ])
    expect(bob.messaging.history.topics()).toEqual(['chat.general'])
  })

  test('MSG5 what is written alone goes out when somebody is there, also after a reload', async () => {
    const { sim, alice, bob, reopen } = await openRoom()
    bob.tab.kill()
    await sim.runUntil(() => alice.room.members().length === 1, 20_000)
    await sim.settle(alice.messaging.topic('chat.general').publish('while alone'))
    alice.tab.kill()
    const again = await reopen(0)
    expect(again.messaging.history.entries('chat.general')).toMatchObject([
      { body: 'while alone', state: 'sending' },
    ])
    const other = await reopen(1)
    await sim.runUntil(() => other.messaging.history.entries('chat.general').length === 1, 30_000)
    await sim.runUntil(() => again.messaging.history.entries('chat.general')[0]?.state === 'delivered', 5_000)
  })

  test('MSG13 replicated waits for as many devices as it asks for, or as many as there are members', async () => {
    const { sim, alice, bob, open } = await openRoom()
    const topic = alice.messaging.topic('chat.general')
    const publish = (copies?: number) =>
      topic.publish('x', copies === undefined ? { level: 'replicated' } : { level: 'replicated', copies })
    expect(await sim.settle(publish())).toMatchObject({ level: 'replicated', copies: 2 })
    expect(await sim.settle(publish(5))).toMatchObject({ level: 'replicated', copies: 2 })
    await open(2)
    await sim.runUntil(() => alice.room.members().length === 3, 10_000)
    expect(await sim.settle(publish(3))).toMatchObject({ level: 'replicated', copies: 3 })
    bob.tab.pause(60_000)
    expect(await sim.settle(publish(2), 2_000)).toMatchObject({ copies: 2 })
    // The one that hangs is waited for until it is no member any more.
    expect(await sim.settle(publish(3), 60_000)).toMatchObject({ level: 'replicated', copies: 2 })
  })

  test('MSG13 a signal ends the wait, and the message goes out all the same', async () => {
    const { sim, alice, bob } = await openRoom()
    bob.tab.pause(5_000)
    const end = new AbortController()
    const options = { level: 'stored', signal: end.signal } as const
    const waiting = failure(alice.messaging.topic('chat.general').publish('hello', options))
    await sim.run(100)
    end.abort(new Error('enough'))
    expect(await sim.settle(waiting)).toMatchObject({ message: 'enough' })
    await sim.runUntil(() => bob.messaging.history.entries('chat.general').length === 1, 60_000)
  })

  test('MSG13 alone, replicated ends as accepted, with one copy; what is no number of copies is refused', async () => {
    const { sim, alice, bob } = await openRoom()
    await sim.settle(bob.room.leave())
    const topic = alice.messaging.topic('chat.general')
    expect(await sim.settle(topic.publish(1, { level: 'replicated' }))).toMatchObject({
      level: 'accepted',
      copies: 1,
    })
    for (const copies of [0, 6, 1.5, Number.NaN])
      expect(await failure(topic.publish(1, { copies }))).toMatchObject({ code: 'bad-option' })
    expect(await failure(topic.publish(1, { level: 'safe' as 'stored' }))).toMatchObject({
      code: 'bad-option',
    })
    expect(await failure(alice.messaging.topic('plain').publish(1, { level: 'replicated' }))).toMatchObject({
      code: 'bad-option',
    })
  })

  test('MSG4 who waits for another peer to store it hears when the node ends first', async () => {
    const { sim, alice, bob } = await openRoom()
    await sim.settle(bob.room.leave())
    const waiting = failure(alice.messaging.topic('chat.general').publish('hello', { level: 'stored' }))
    await sim.run(100)
    alice.messaging.close()
    expect(await sim.settle(waiting, 1_000)).toMatchObject({ code: 'closed' })
  })

  test('MSG5 a member that was away gets what others had stored meanwhile', async () => {
    const { sim, alice, bob, reopen } = await openRoom()
    await sim.settle(alice.messaging.topic('chat.a').publish('before', { level: 'stored' }))
    bob.tab.kill()
    await sim.runUntil(() => alice.room.members().length === 1, 20_000)
    for (let n = 0; n < 200; n++) await sim.settle(alice.messaging.topic('chat.a').publish(n))
    const again = await reopen(1)
    await sim.runUntil(() => again.messaging.history.entries('chat.a').length === 201, 30_000)
    expect(again.seen.map((message) => message.body)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  test('MSG6 each topic keeps its last 1,000, on disk too', async () => {
    const { sim, alice, bob, reopen } = await openRoom()
    const sends = Array.from({ length: 1_100 }, (_, n) => alice.messaging.topic('chat.long').publish(n))
    await sim.settle(Promise.all(sends))
    await sim.runUntil(() => bob.messaging.history.entries('chat.long').at(-1)?.body === 1_099, 60_000)
    await sim.runUntil(() => alice.messaging.history.entries('chat.long').length === 1_000, 5_000)
    expect(bob.messaging.history.entries('chat.long')).toHaveLength(1_000)
    bob.tab.kill()
    const again = await reopen(1)
    const kept = again.messaging.history.entries('chat.long').map((entry) => entry.body)
    expect(kept).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 100))
  })

  test('MSG6 a subscription with history begins with what is kept', async () => {
    const { sim, alice, bob } = await openRoom()
    await sim.settle(alice.messaging.topic('chat.a').publish(1, { level: 'stored' }))
    await sim.settle(bob.messaging.topic('chat.b').publish(2, { level: 'stored' }))
    const seen = collect(bob.messaging.topic('chat.#').subscribe({ history: true }))
    await sim.settle(alice.messaging.topic('chat.a').publish(3, { level: 'stored' }))
    await sim.run(50)
    expect(seen.map((message) => message.body)).toEqual([1, 2, 3])
  })

  test('MSG5 what comes twice is stored and handed over once, and answered for both times', async () => {
    const { sim, alice, bob } = await openRoom()
    const item = (number: number) => [number, 'chat.a', 1, new Uint8Array([0x80 | number])]
    const ask = (method: string, body: Value) =>
      sim.settle(alice.room.request(bob.room.self.peerId, method, body, { timeoutMs: 1_000 }))
    const stream = 'anotherstream'
    await ask('msg.mark', { stream, floor: 0 })
    expect(await ask('msg.store', { stream, items: [item(1), item(2)] })).toBe(2)
    expect(await ask('msg.store', { stream, items: [item(1), item(2), item(3)] })).toBe(3)
    expect(await ask('msg.store', { stream, items: [item(2)] })).toBe(3)
    expect(bob.seen.map((message) => message.body)).toEqual([1, 2, 3])
    expect(bob.messaging.history.entries('chat.a').map((entry) => entry.body)).toEqual([1, 2, 3])
  })

  test('MSG9 a full disk fails the message with a reason; it can be sent again', async () => {
    const { sim, alice } = await openRoom()
    alice.disk.faults.quotaBytes = alice.disk.usedBytes
    const error = await sim.settle(failure(alice.messaging.topic('chat.a').publish('too much')))
    expect(error).toMatchObject({ code: 'quota' })
    const [failed] = alice.messaging.history.entries('chat.a')
    expect(failed).toMatchObject({
      body: 'too much',
      state: 'failed',
      reason: expect.stringContaining('no room'),
    })
    alice.disk.faults.quotaBytes = 2 ** 30
    await sim.settle(alice.messaging.history.retry(failed?.id ?? ''))
    await sim.run(500)
    expect(alice.messaging.history.entries('chat.a')).toMatchObject([
      { body: 'too much', state: 'delivered' },
    ])
  })

  test('MSG9 a receiver whose disk is full is asked again until it has room', async () => {
    const { sim, alice, bob } = await openRoom()
    await sim.settle(alice.messaging.topic('chat.a').publish('first', { level: 'stored' }))
    bob.disk.faults.quotaBytes = bob.disk.usedBytes
    const stored = alice.messaging.topic('chat.a').publish('second', { level: 'stored' })
    await sim.run(3_000)
    expect(alice.messaging.history.entries('chat.a').at(-1)?.state).toBe('sending')
    bob.disk.faults.quotaBytes = 2 ** 30
    await sim.settle(stored)
    expect(bob.messaging.history.entries('chat.a')).toHaveLength(2)
  })

  test('MSG5 a write whose outcome is unknown is written again, and sent once', async () => {
    for (const fault of ['written', 'not-written'] as const) {
      const { sim, alice, bob } = await openRoom()
      alice.disk.faults.nextWriteLost = fault
      await sim.settle(alice.messaging.topic('chat.a').publish('once', { level: 'stored' }))
      await sim.run(1_000)
      expect(bob.messaging.history.entries('chat.a')).toMatchObject([{ body: 'once' }])
    }
  })

  test('MSG10 a sender with an absurd clock does not stand before or far after the others', async () => {
    const { sim, alice, bob } = await openRoom()
    const wall = bob.tab.clock.wall()
    alice.tab.clock.wall = () => wall + 10 * 365 * 86_400_000
    await sim.settle(alice.messaging.topic('chat.a').publish('from the future', { level: 'stored' }))
    await sim.settle(bob.messaging.topic('chat.a').publish('now', { level: 'stored' }))
    const shown = bob.messaging.history.entries('chat.a')
    expect(shown.map((entry) => entry.body)).toEqual(['from the future', 'now'])
    expect(shown[0]?.sentAt).toBeLessThan(wall + 60_000)
  })
})

describe('hostile members', () => {
  test.each([
    [
      'msg.store',
      {
        stream: 'aaaaaaaaaa',
        items: [
          [2, 'chat.a', 1, new Uint8Array([0])],
          [1, 'chat.a', 1, new Uint8Array([0])],
        ],
      },
    ],
    ['msg.store', { stream: 'aaaaaaaaaa', items: [] }],
    ['msg.store', 'nonsense'],
    ['msg.mark', { stream: '../../etc', floor: 1 }],
    ['msg.mark', { stream: 'aaaaaaaaaa', floor: -1 }],
    ['msg.interest', { session: 'aaaaaaaaaa', version: 1, patterns: ['a..b'] }],
    ['msg.interest', { session: 'aaaaaaaaaa', version: 1, patterns: Array(300).fill('a') }],
    ['msg.batch', [[1, 'a.*', 1, new Uint8Array(1)]]],
    ['msg.batch', [[1, 'a', 1, new Uint8Array(MAX_BODY_BYTES + 1)]]],
    ['msg.batch', [[1, 'a', 1, new Uint8Array(1), { x: {} }]]],
    ['msg.batch', [[1, 'a', 1, []]]],
    ['msg.batch', [[1, 'a', 1, [new Uint8Array(1), 'no body']]]],
    ['msg.batch', [[1, 'a', 1, [new Uint8Array(1)], { x: 1 }]]],
    ['msg.batch', [[Number.MAX_SAFE_INTEGER, 'a', 1, [new Uint8Array(1), new Uint8Array(1)]]]],
    ['msg.batch', [[1, 'a', 1, Array.from({ length: 513 }, () => new Uint8Array(0))]]],
    [
      'msg.batch',
      Array.from({ length: 2 }, () => [1, 'a', 1, Array.from({ length: 300 }, () => new Uint8Array(0))]),
    ],
  ])('MSG11 %s with a body out of bounds is refused and changes nothing', async (method, body) => {
    const { sim, alice, bob } = await openRoom()
    const request = alice.room.request(bob.room.self.peerId, method, body, { timeoutMs: 1_000 })
    expect(await sim.settle(failure(request))).toMatchObject({ code: 'malformed' })
    expect(bob.seen).toEqual([])
    expect(bob.messaging.history.topics()).toEqual([])
  })
})
