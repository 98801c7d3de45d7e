import { describe, expect, test } from 'vitest'
import { readStats } from '../../../web/messaging/queue/stats.ts'
import { QueueRoom } from '../../support/queue-room.ts'

describe('figures of a queue', () => {
  test('QUE23 name each consumer: what it wants, what it has, what it was given', async () => {
    const room = await QueueRoom.open(2)
    room.loop(1, { selector: 'a = 1', priority: 3, exclusive: true, ack: 'individual' })
    await room.sim.run(1_000)
    for (const a of [1, 2, 1]) await room.settle(room.queue(0).send('x', { headers: { a } }))
    await room.sim.run(10_000)
    const { consumerList, consumers } = await room.settle(room.queue(0).stats())
    expect(consumers).toBe(1)
    expect(consumerList).toMatchObject([
      {
        peer: room.tabs[1]?.tab.peerId,
        priority: 3,
        exclusive: true,
        selector: 'a = 1',
        delivering: 2,
        delivered: 2,
      },
    ])
    expect(consumerList[0]?.forMs).toBeGreaterThan(10_000)
  })

  test('QUE23 tell apart what is in work and what was handed out ahead, and the age of the oldest that waits', async () => {
    const room = await QueueRoom.open(2)
    // Its loop stays with the first.
    room.loop(1, { ack: 'individual', prefetch: 3_000 }, () => new Promise<void>(() => undefined))
    await room.sim.run(1_000)
    for (let n = 0; n < 10; n++) await room.settle(room.queue(0).send(new Uint8Array(1_000)))
    await room.sim.run(60_000)
    const { ready, delivering, prefetched, oldestMs } = await room.settle(room.queue(0).stats())
    expect(delivering).toBeGreaterThan(1)
    expect(prefetched).toBe(delivering - 1)
    expect(ready).toBe(10 - delivering)
    expect(oldestMs).toBeGreaterThanOrEqual(60_000)
    expect(oldestMs).toBeLessThan(65_000)
  })

  test('QUE31 what an owner answers is checked', async () => {
    const room = await QueueRoom.open(2)
    room.loop(1)
    await room.settle(room.queue(0).send('x'))
    await room.sim.run(1_000)
    const stats = await room.settle(room.queue(0).stats())
    expect(readStats(stats)).toEqual(stats)
    const { consumerList: _, ...earlier } = stats
    expect(readStats(earlier)).toMatchObject({ consumerList: [] })
    const [consumer] = stats.consumerList
    for (const forged of [
      undefined,
      [],
      { ...stats, owner: 'nobody' },
      { ...stats, settings: { copies: 1_000 } },
      { ...stats, holders: 'all' },
      { ...stats, holders: Array.from({ length: 100 }, () => stats.owner) },
      { ...stats, messages: -1 },
      { ...stats, acked: '3' },
      { ...stats, consumerList: Array.from({ length: 101 }, () => consumer) },
      { ...stats, consumerList: [{ ...consumer, selector: 'x'.repeat(20_000) }] },
      { ...stats, consumerList: [{ ...consumer, forMs: Number.NaN }] },
      { ...stats, consumerList: [{ ...consumer, peer: '<img>' }] },
    ])
      expect(readStats(forged)).toBeUndefined()
  })
})
