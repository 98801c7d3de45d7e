import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../../web/base/index.ts'
import type { Delivery, SendOptions } from '../../../web/messaging/index.ts'
import { encodeValue, type Value } from '../../../web/wire/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const SECOND = 1_000

/** A cycle, as no JSON has it. */
function cyclic(): unknown {
  const value: { self?: unknown } = {}
  value.self = value
  return value
}

describe('bad input of one’s own', () => {
  test.each<[string, unknown, SendOptions, string]>([
    ['a function', () => 1, {}, 'bad-body'],
    ['a cycle', cyclic(), {}, 'bad-body'],
    ['too large', 'x'.repeat(300_000), {}, 'too-large'],
    ['a header that is an object', 1, { headers: { a: {} as never } }, 'bad-option'],
    ['a header that is no number', 1, { headers: { a: Number.NaN } }, 'bad-option'],
    ['priority 10', 1, { priority: 10 }, 'bad-option'],
    ['priority 1.5', 1, { priority: 1.5 }, 'bad-option'],
    ['a negative time to live', 1, { ttlMs: -1 }, 'bad-option'],
    ['an endless delay', 1, { delayMs: Number.POSITIVE_INFINITY }, 'bad-option'],
    ['an absurd delay', 1, { delayMs: 1e300 }, 'bad-option'],
    ['an empty group', 1, { group: '' }, 'bad-option'],
    ['a long dedupId', 1, { dedupId: 'x'.repeat(256) }, 'bad-option'],
    ['another level', 1, { level: 'sure' as never }, 'bad-option'],
  ])('QUE30 %s is refused', async (_what, body, options, code) => {
    const room = await QueueRoom.open(1)
    expect(await failureOf(room.settle(room.queue(0).send(body, options)))).toMatchObject({ code })
    expect((await room.settle(room.queue(0).stats())).messages).toBe(0)
  })

  test('QUE30 names, settings and consumers that break their rules are refused at once', async () => {
    const room = await QueueRoom.open(1)
    for (const name of ['', 'a..b', 'a.*', '#', 'a b', 'x'.repeat(300)])
      expect(() => room.queue(0, name)).toThrowError(expect.objectContaining({ code: 'bad-name' }))
    for (const settings of [{ copies: 0 }, { ringSize: -1 }, { whenFull: 'explode' }, { nothing: 1 }])
      expect(() => room.queue(0, 'q', settings as never)).toThrowError(
        expect.objectContaining({ code: 'bad-option' }),
      )
    for (const options of [{ prefetch: -1 }, { prefetch: 1e12 }, { ack: 'maybe' }, { priority: 0.5 }])
      expect(() => room.queue(0).consume(options as never)).toThrowError(
        expect.objectContaining({ code: 'bad-option' }),
      )
  })

  test('QUE30 a signal ends a wait, a loop, and nothing else', async () => {
    const room = await QueueRoom.open(1)
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    expect(await failureOf(room.settle(room.queue(0).send(1, { signal: aborted })))).toBe(reason)
    expect(() => room.queue(0).consume({ signal: aborted })).toThrow(reason)
    const end = new AbortController()
    const consuming = (async () => {
      for await (const _ of room.queue(0).consume({ signal: end.signal }));
    })()
    await room.sim.run(SECOND)
    end.abort(reason)
    expect(await failureOf(room.settle(consuming))).toBe(reason)
    await room.settle(room.queue(0).send(2))
  })
})

/** Talks to a queue's owner as another member could, past this node's own checks. */
function forge(room: QueueRoom, from: number, method: string, body: Value): Promise<unknown> {
  return room.settle(begin(room, from, method, body))
}

function begin(room: QueueRoom, from: number, method: string, body: Value): Promise<unknown> {
  const mesh = room.tabs[from]?.room
  const to = room.tabs.find((_, index) => index !== from)?.tab.peerId as PeerId
  return mesh?.request(to, method, body, { timeoutMs: 5_000 }) ?? Promise.reject(new Error('no room'))
}

describe('hostile members', () => {
  async function open(): Promise<{ room: QueueRoom; thief: number; epoch: Value }> {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('precious'))
    const owner = await room.owner()
    const epoch = [1, room.tabs[owner]?.tab.peerId as string]
    return { room, thief: 1 - owner, epoch }
  }

  test('QUE31 an ack, nack or release of an attempt that is another’s is refused', async () => {
    const { room, thief, epoch } = await open()
    const holding = room.loop(1 - thief, { ack: 'individual' })
    await room.sim.run(SECOND)
    expect(holding.bodies).toEqual(['precious'])
    const settlement = { queue: 'orders', epoch, acks: [1], fails: [], releases: [], credit: 0, lastTaken: 0 }
    for (const consumer of ['x', '', holding.got[0]?.id as string])
      expect(await failureOf(forge(room, thief, 'queue.settle', { ...settlement, consumer }))).toMatchObject({
        code: 'lease-lost',
      })
    // Its own consumer has no lease on it either.
    await forge(room, thief, 'queue.consume', {
      ...{
        queue: 'orders',
        epoch,
        consumer: 'mine',
        window: 10,
        priority: 0,
        isExclusive: false,
        selector: '',
        claims: [],
      },
    })
    expect(await forge(room, thief, 'queue.settle', { ...settlement, consumer: 'mine' })).toEqual({
      refused: [1],
    })
    await room.settle((holding.got[0] as Delivery).ack())
  })

  test.each<[string, string, (epoch: Value, self: string) => Value]>([
    [
      'messages that are none',
      'queue.put',
      (epoch) => ({ queue: 'orders', epoch, stream: 's', base: 1, items: [1, 2] }),
    ],
    [
      'a number of 2^53',
      'queue.put',
      (epoch) => ({ queue: 'orders', epoch, stream: 'stream0000', base: 2 ** 53, items: [] }),
    ],
    ['a queue of no name', 'queue.put', (epoch) => ({ queue: '..', epoch, stream: 's', base: 1, items: [] })],
    [
      'an owner that is somebody else',
      'queue.copy',
      (epoch) => ({ queue: 'orders', epoch, settings: {}, items: [], done: [], attempts: [] }),
    ],
    ['a summary for another', 'queue.summary', (epoch) => ({ queue: 'orders', epoch })],
    ['an epoch from far ahead', 'queue.summary', (_, self) => ({ queue: 'orders', epoch: [2 ** 39, self] })],
    [
      'an epoch that is no number',
      'queue.summary',
      (_, self) => ({ queue: 'orders', epoch: [Number.NaN, self] }),
    ],
    [
      'facts that are none',
      'queue.facts',
      () => ({ isAll: true, facts: [['orders', [1, 'x'], true]], gone: [] }),
    ],
    ['nothing at all', 'queue.settle', () => null],
    [
      'a window of nothing',
      'queue.consume',
      (epoch) => ({ queue: 'orders', epoch, consumer: 'c', window: -1, priority: 0, isExclusive: false }),
    ],
    [
      'an id as long as a book',
      'queue.consume',
      (epoch) => ({
        queue: 'orders',
        epoch,
        consumer: 'c'.repeat(10_000),
        window: 1,
        priority: 0,
        isExclusive: false,
      }),
    ],
    ['settings that are none', 'queue.open', () => ({ queue: 'orders', wanted: { copies: 'many' } })],
  ])('QUE31 %s is refused, and the queue goes on', async (_what, method, body) => {
    const { room, thief, epoch } = await open()
    const error = await failureOf(
      forge(room, thief, method, body(epoch, room.tabs[thief]?.tab.peerId as string)),
    )
    expect(['malformed', 'bad-option']).toContain(error.code)
    const loop = room.loop(1 - thief)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['precious'])
  })

  test('QUE4 a batch that overtakes the one before it on its way waits for it', async () => {
    const { room, thief, epoch } = await open()
    const put = { queue: 'orders', epoch, stream: 'a'.repeat(26), base: 1, wantsStored: false }
    const item = (number: number, body: string) => [number, 4, 0, 0, 0, encodeValue(body)]
    const later = begin(room, thief, 'queue.put', { ...put, items: [item(3, 'third')] })
    await room.sim.run(500)
    const earlier = begin(room, thief, 'queue.put', { ...put, items: [item(1, 'one'), item(2, 'two')] })
    expect(await room.settle(earlier)).toMatchObject({ mark: 2, refused: [] })
    expect(await room.settle(later)).toMatchObject({ mark: 3, refused: [] })
    const loop = room.loop(1 - thief)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['precious', 'one', 'two', 'third'])
  })

  test('QUE4 one whose predecessor never comes is given back to its sender after a while', async () => {
    const { room, thief, epoch } = await open()
    const put = { queue: 'orders', epoch, stream: 'a'.repeat(26), base: 1, wantsStored: false }
    const startedMs = room.sim.clock.now()
    const answer = await forge(room, thief, 'queue.put', { ...put, items: [[2, 4, 0, 0, 0, encodeValue(2)]] })
    expect(answer).toMatchObject({ mark: 0 })
    expect(room.sim.clock.now() - startedMs).toBeGreaterThanOrEqual(2 * SECOND)
  })

  test('QUE31 a number that comes again with another body changes nothing', async () => {
    const { room, thief, epoch } = await open()
    const put = { queue: 'orders', epoch, stream: 'a'.repeat(26), base: 1, wantsStored: false }
    for (const body of ['said first', 'said later']) {
      const items = [[1, 4, 0, 0, 0, encodeValue(body)]]
      expect(await forge(room, thief, 'queue.put', { ...put, items })).toMatchObject({ mark: 1, refused: [] })
    }
    const loop = room.loop(1 - thief)
    await room.sim.run(SECOND)
    expect(loop.bodies).toEqual(['precious', 'said first'])
  })

  test('QUE31 a sender that says it has what it has not harms nobody: the copy is made without it', async () => {
    const { room, thief, epoch } = await open()
    const put = { queue: 'orders', epoch, stream: 'a'.repeat(26), base: 1, wantsStored: true }
    const items = [[1, 4, 0, 0, 0, encodeValue('nowhere else')]]
    const says = { keepsOwn: true, isKept: true, copies: null }
    expect(await forge(room, thief, 'queue.put', { ...put, ...says, items })).toMatchObject({ mark: 1 })
    await room.sim.run(SECOND)
    const sent = await room.settle(room.queue(1 - thief).send('another’s'))
    expect(sent).toMatchObject({ level: 'replicated', copies: 2 })
    room.kill(1 - thief)
    const loop = room.loop(thief)
    await room.sim.run(20 * SECOND)
    expect(loop.bodies).toEqual(['precious', 'nowhere else', 'another’s'])
  })

  test('QUE31 a sequence that jumps is not taken in, and nobody else’s is touched', async () => {
    const { room, thief, epoch } = await open()
    const body = new Uint8Array([0])
    const put = { queue: 'orders', epoch, stream: 'a'.repeat(26), wantsStored: false }
    const answer = await forge(room, thief, 'queue.put', { ...put, base: 1, items: [[5, 4, 0, 0, 0, body]] })
    expect(answer).toMatchObject({ mark: 0 })
    expect((await room.settle(room.queue(thief).stats())).messages).toBe(1)
  })
})
