import { describe, expect, test } from 'vitest'
import type { ConsumeOptions, Delivery, QueueSettings, SendOptions } from '../../web/messaging/index.ts'
import { type Loop, QueueRoom } from '../support/queue-room.ts'
import type { MessagingTab } from '../support/sim/messaging-tab.ts'

const SECOND = 1_000
const COUNT = 60
/** A window of 20 of the messages below. */
const WINDOW = { prefetch: 20 * 1_200 }
const JOBS = Array.from({ length: COUNT }, (_, at) => at)
const PAD = 'x'.repeat(1_000)

interface Kind {
  readonly settings?: Partial<QueueSettings>
  readonly send?: SendOptions
  readonly consume?: ConsumeOptions
}

/** Ways in which one consumer at a time gets what a sender sends. */
const KINDS: readonly (readonly [string, Kind])[] = [
  ['a group', { send: { group: 'g' } }],
  ['an exclusive consumer', { consume: { exclusive: true } }],
  ['an exclusive queue', { settings: { exclusive: true } }],
]

interface Ends {
  readonly room: QueueRoom
  readonly owner: number
  readonly first: number
  readonly loop: Loop
}

const WAYS: readonly (readonly [string, (ends: Ends) => void])[] = [
  ['its tab is killed', ({ room, first }) => room.kill(first)],
  ['its tab freezes', ({ room, first }) => room.sim.tab(first).pause(30 * SECOND)],
  ['its links are cut', ({ room, first }) => cut(room, first)],
  ['its loop is left', ({ loop }) => loop.stop()],
  [
    'it and the owner are killed at once',
    ({ room, owner, first }) => {
      room.kill(owner)
      room.kill(first)
    },
  ],
]

function tabOf(room: QueueRoom, index: number): MessagingTab {
  return room.tabs[index] as MessagingTab
}

function cut(room: QueueRoom, index: number): void {
  const others = room.tabs.filter((_, at) => at !== index)
  room.sim.network.partition(
    [tabOf(room, index).tab.peerId],
    others.map(({ tab }) => tab.peerId),
  )
}

function jobOf({ body }: Delivery): number {
  return (body as readonly [number, string])[0]
}

describe.each(KINDS)('what the consumer of %s had', (_, { settings = {}, send = {}, consume = {} }) => {
  test.each(WAYS)('QUE11 comes again first and in order when %s', async (_way, end) => {
    for (const seed of [1, 2]) {
      const room = await QueueRoom.open(5, seed)
      await room.settle(room.queue(0, 'orders', { copies: 3, ...settings }).stats())
      const owner = await room.owner()
      const [first, second, third, sender] = [0, 1, 2, 3, 4].filter((index) => index !== owner) as [
        number,
        number,
        number,
        number,
      ]
      const done: number[] = []
      // It finishes seven, then works on the eighth for ever.
      const loop = room.loop(first, { ack: 'individual', ...WINDOW, ...consume }, async (delivery) => {
        if (done.length >= 7) return new Promise(() => {})
        await delivery.ack()
        done.push(jobOf(delivery))
      })
      await room.sim.run(SECOND)
      const others = [second, third].map((index) =>
        room.loop(index, { ack: 'individual', ...WINDOW, ...consume }, (delivery) => delivery.ack()),
      )
      await room.sim.run(SECOND)
      await room.settle(Promise.all(JOBS.map((job) => room.queue(sender).send([job, PAD], send))))
      await room.sim.runUntil(() => loop.got.length === 8, 10 * SECOND)
      await room.sim.run(SECOND)
      end({ room, owner, first, loop })
      await room.sim.run(40 * SECOND)
      expect(done).toEqual(JOBS.slice(0, 7))
      const rest = others.flatMap(({ got }) => got.map(jobOf))
      // One of them gets all of it.
      expect(rest, `seed ${seed}`).toEqual(JOBS.slice(7))
    }
  })
})

test.each(WAYS.filter(([way]) => way !== 'its loop is left'))(
  'QUE32 a durable subscription with a small buffer is gone on with in order when %s',
  async (_way, end) => {
    const room = await QueueRoom.open(5, 3)
    const pages = (index: number) => {
      const got: number[] = []
      const subscription = tabOf(room, index)
        .messaging.topic('news')
        .subscribe({ durable: 'reader', bufferBytes: 5 * 1_200 })
      return { subscription, got }
    }
    const one = pages(0)
    await room.settle(one.subscription.ready)
    const owner = await room.owner('SUB.reader')
    const others = [1, 2, 3, 4].filter((index) => index !== owner) as [number, number]
    const [second, sender] = others
    void (async () => {
      for await (const { body } of one.subscription) {
        one.got.push((body as readonly [number])[0])
        if (one.got.length > 4) await new Promise(() => {})
      }
    })()
    await room.settle(
      Promise.all(JOBS.map((job) => tabOf(room, sender).messaging.topic('news').publish([job, PAD]))),
    )
    await room.sim.runUntil(() => one.got.length === 5, 10 * SECOND)
    await room.sim.run(SECOND)
    end({ room, owner, first: 0, loop: undefined as never })
    const two = pages(second)
    void (async () => {
      for await (const { body } of two.subscription) two.got.push((body as readonly [number])[0])
    })()
    await room.sim.run(40 * SECOND)
    expect(two.got).toEqual(JOBS.slice(4))
  },
)

test('QUE11 priorities keep their place in what comes again', async () => {
  const room = await QueueRoom.open(4, 2)
  await room.settle(room.queue(0, 'orders', { exclusive: true }).stats())
  const owner = await room.owner()
  const [first, second, sender] = [0, 1, 2, 3].filter((index) => index !== owner) as [number, number, number]
  const stuck = room.loop(first, { ack: 'individual', ...WINDOW }, () => new Promise(() => {}))
  await room.sim.run(SECOND)
  const priorities = JOBS.map((job) => job % 3)
  await room.settle(
    Promise.all(
      JOBS.map((job, at) => room.queue(sender).send([job, PAD], { priority: priorities[at] as number })),
    ),
  )
  await room.sim.runUntil(() => stuck.got.length === 1, 10 * SECOND)
  const next = room.loop(second, { ack: 'individual', ...WINDOW }, (delivery) => delivery.ack())
  await room.sim.run(SECOND)
  room.kill(first)
  await room.sim.run(20 * SECOND)
  const expected = [...JOBS].sort((a, b) => (b % 3) - (a % 3) || a - b)
  expect(next.got.map(jobOf)).toEqual(expected)
})

test('QUE10 messages that fall due at one moment come in the order of their sending', async () => {
  const room = await QueueRoom.open(2, 2)
  const loop = room.loop(1, {}, () => undefined)
  await room.sim.run(SECOND)
  const sends = JOBS.map((job) => room.queue(0).send([job, PAD], { delayMs: 5 * SECOND, group: 'g' }))
  await room.settle(Promise.all(sends))
  await room.sim.run(20 * SECOND)
  expect(loop.got.map(jobOf)).toEqual(JOBS)
})

test('QUE8 a failed attempt waits for its delay, and others overtake it', async () => {
  const room = await QueueRoom.open(2, 2)
  const queue = room.queue(0, 'orders', { redeliveryDelayMs: 2 * SECOND })
  await room.settle(Promise.all([0, 1, 2].map((job) => queue.send([job, PAD], { group: 'g' }))))
  const loop = room.loop(1, { ack: 'individual' }, (delivery) =>
    jobOf(delivery) === 0 && !delivery.redelivered ? delivery.nack() : delivery.ack(),
  )
  await room.sim.run(20 * SECOND)
  expect(loop.got.map(jobOf)).toEqual([0, 1, 2, 0])
})
