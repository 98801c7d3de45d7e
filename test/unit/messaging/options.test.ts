import { describe, expect, test } from 'vitest'
import type { Delivery, Messaging } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'

const MINUTE = 60_000
/** What no option may be, whatever it is. */
const NEVER: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -5,
  '\ud800',
  new Uint8Array(3),
  null,
]

type Call = (messaging: Messaging, value: never) => unknown

/** Every option of every call of queues, topics, requests, transactions and destinations, and what else it may not be. */
const OPTIONS: readonly [call: string, option: string, call: Call, more?: readonly unknown[]][] = [
  ...[
    'priority',
    'ttlMs',
    'delayMs',
    'group',
    'dedupId',
    'replyTo',
    'correlationId',
    'level',
    'copies',
    'signal',
  ].map((name): [string, string, Call, readonly unknown[]] => [
    'send',
    name,
    (messaging, value) => messaging.queue('q').send(1, { [name]: value }),
    [2 ** 60, '', 'x'.repeat(256)],
  ]),
  ['send', 'headers', (messaging, headers) => messaging.queue('q').send(1, { headers })],
  [
    'send',
    'headers["a"]',
    (messaging, a) => messaging.queue('q').send(1, { headers: { a } }),
    ['x'.repeat(1_025)],
  ],
  ...['selector', 'prefetch', 'ack', 'exclusive', 'signal'].map(
    (name): [string, string, Call, readonly unknown[]] => [
      'consume',
      name,
      (messaging, value) => messaging.queue('q').consume({ [name]: value }),
      [1.5, 2 ** 53],
    ],
  ),
  [
    'consume',
    'priority',
    (messaging, priority) => messaging.queue('q').consume({ priority }),
    [0.5, 2 ** 53],
  ],
  ['browse', 'selector', (messaging, selector) => messaging.queue('q').browse({ selector }), [1]],
  ['browse', 'signal', (messaging, signal) => messaging.queue('q').browse({ signal }), [1]],
  ['move', 'limit', (messaging, limit) => messaging.queue('q').move('r', { limit }), [0.5]],
  ['move', 'selector', (messaging, selector) => messaging.queue('q').move('r', { selector }), [1]],
  ['retry', 'limit', (messaging, limit) => messaging.queue('q').retry({ limit }), [0.5]],
  ['request', 'timeoutMs', (messaging, timeoutMs) => messaging.request('q', 1, { timeoutMs }), [0, '1']],
  ['request', 'headers', (messaging, headers) => messaging.request('q', 1, { headers })],
  ['request', 'priority', (messaging, priority) => messaging.request('q', 1, { priority }), [10]],
  ['request', 'signal', (messaging, signal) => messaging.request('q', 1, { signal }), [1]],
  ...['headers', 'level', 'copies', 'signal'].map((name): [string, string, Call, readonly unknown[]] => [
    'publish',
    name,
    (messaging, value) => messaging.topic('t').publish(1, { [name]: value }),
    [6],
  ]),
  ...['history', 'shared', 'from', 'selector', 'bufferBytes', 'signal'].map(
    (name): [string, string, Call, readonly unknown[]] => [
      'subscribe',
      name,
      (messaging, value) => messaging.topic('t').subscribe({ [name]: value }),
      [0, 0.5],
    ],
  ),
  [
    'subscribe',
    'shared',
    (messaging, shared) => messaging.topic('t').subscribe({ durable: 'd', shared }),
    [1],
  ],
  [
    'subscribe',
    'bufferBytes',
    (messaging, bufferBytes) => messaging.topic('t').subscribe({ durable: 'd', bufferBytes }),
  ],
  ['transaction', 'signal', (messaging, signal) => messaging.transaction(() => undefined, { signal }), [1]],
  ['transaction', 'work', (messaging, work) => messaging.transaction(work), [1]],
  [
    'transaction send',
    'ttlMs',
    (messaging, ttlMs) => messaging.transaction((tx) => tx.queue('q').send(1, { ttlMs })),
    ['1'],
  ],
  [
    'transaction publish',
    'headers',
    (messaging, headers) => messaging.transaction((tx) => tx.topic('q').publish(1, { headers })),
  ],
  ...['retain', 'retainMs', 'maxBytes', 'ringSize', 'copies', 'whenFull', 'autoDelete', 'lastValueKey'].map(
    (name): [string, string, Call, readonly unknown[]] => [
      'configure',
      name,
      (messaging, value) => messaging.destinations.configure('q', { [name]: value }),
      [2 ** 60],
    ],
  ),
  ...[
    'maxDeliveries',
    'redeliveryDelayMs',
    'redeliveryMultiplier',
    'redeliveryJitter',
    'maxMessages',
    'exclusive',
  ].map((name): [string, string, Call, readonly unknown[]] => [
    'queue',
    name,
    (messaging, value) => messaging.queue('q', { [name]: value }),
    [2 ** 60],
  ]),
  ...['exclusive', 'selector'].map((name): [string, string, Call, readonly unknown[]] => [
    'divert',
    name,
    (messaging, value) => messaging.destinations.divert('d', { from: 'a', to: 'b', [name]: value }),
    [1],
  ]),
  [
    'subscribe to destinations',
    'listener',
    (messaging, listener) => messaging.destinations.subscribe(listener),
    [1],
  ],
  ['send', 'send', (messaging, value) => messaging.queue('q').send(1, value)],
  ['send', 'ttl', (messaging, ttl) => messaging.queue('q').send(1, { ttl } as never), [1]],
  ['consume', 'prefech', (messaging, prefech) => messaging.queue('q').consume({ prefech } as never), [1]],
]

describe('options', () => {
  test.each(OPTIONS)(
    'QUE30 %s refuses a bad %s by name and value, at once',
    async (what, name, call, more = []) => {
      const room = await QueueRoom.open(1)
      const { messaging } = room.tabs[0] as (typeof room.tabs)[number]
      for (const value of [...NEVER, ...more]) {
        if (isValid(what, name, value)) continue
        const error = await failureOf((async () => call(messaging, value as never))())
        expect(error, `${name} ${String(value)}`).toMatchObject({ code: 'bad-option' })
        expect(error.message).toContain(name)
      }
      expect((await room.settle(messaging.queue('q').stats())).messages).toBe(0)
    },
  )

  test('QUE30 a nack or a reply with a bad option is refused; the attempt stays its loop’s', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0).send('a'))
    const errors: unknown[] = []
    const loop = room.loop(1, { ack: 'individual' }, async (delivery: Delivery) => {
      for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY, -5, '1', null])
        errors.push(await failureOf(delivery.nack({ delayMs } as never)))
      errors.push(await failureOf(delivery.reply(1, { header: 1 } as never)))
      await delivery.ack()
    })
    await room.sim.runUntil(() => errors.length === 6, MINUTE, 'all are refused')
    for (const error of errors) expect(error).toMatchObject({ code: 'bad-option' })
    await room.sim.runUntil(() => loop.errors.length > 0 || loop.got.length === 1, MINUTE, 'it goes on')
    await room.sim.run(5_000)
    expect(await room.settle(room.queue(0).stats())).toMatchObject({ messages: 0, acked: 1, failed: 0 })
  })

  test('QUE30 times of 30 days are kept, not begun again thousands of times a second', async () => {
    const room = await QueueRoom.open(1)
    const days = 30 * 86_400_000
    await room.settle(room.queue(0).send('a', { delayMs: days, ttlMs: 2 * days }))
    const asked = room.tabs[0]?.messaging.request('prices', 1, { timeoutMs: days })
    asked?.catch(() => undefined)
    const loop = room.loop(0)
    await room.sim.run(MINUTE)
    expect(loop.got).toHaveLength(0)
    expect(await room.settle(room.queue(0).stats())).toMatchObject({ messages: 1, scheduled: 1, expired: 0 })
  })
})

/** Some of them are values for some options. */
function isValid(call: string, name: string, value: unknown): boolean {
  if (call === 'consume' && name === 'priority') return value === -5
  if (name === 'headers["a"]') return value === -5
  const texts = ['group', 'dedupId', 'replyTo', 'correlationId']
  return texts.includes(name) && typeof value === 'string' && /^[a-z]{1,255}$/.test(value)
}
