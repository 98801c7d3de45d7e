import { describe, expect, test } from 'vitest'
import type { Delivery, Transaction } from '../../../web/messaging/index.ts'
import { failureOf, QueueRoom } from '../../support/queue-room.ts'
import type { MessagingTab } from '../../support/sim/messaging-tab.ts'

const NAMES = ['left', 'middle', 'right'] as const

/** Bodies that somebody who looks finds in each of the queues. */
async function seen(room: QueueRoom, from: number): Promise<readonly (readonly unknown[])[]> {
  const all: unknown[][] = []
  for (const name of NAMES) {
    const bodies: unknown[] = []
    const browse = async () => {
      for await (const { body } of room.queue(from, name).browse()) bodies.push(body)
    }
    await room.settle(browse(), 60_000)
    all.push(bodies)
  }
  return all
}

function messaging(room: QueueRoom, index: number) {
  return (room.tabs[index] as MessagingTab).messaging
}

function toAll(body: unknown): (tx: Transaction) => void {
  return (tx) => {
    for (const name of NAMES) tx.queue(name).send(body)
  }
}

describe('QUE40 what a transaction does happens all or not at all', () => {
  test('its messages are seen in every queue once it has resolved', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(messaging(room, 0).transaction(toAll('paid')))
    await room.sim.run(1_000)
    expect(await seen(room, 1)).toEqual([['paid'], ['paid'], ['paid']])
  })

  test('one whose work throws does nothing, and rejects with what was thrown', async () => {
    const room = await QueueRoom.open(2)
    const work = async (tx: Transaction) => {
      tx.queue('left').send('paid')
      await Promise.resolve()
      throw new RangeError('no money')
    }
    expect((await failureOf(room.settle(messaging(room, 0).transaction(work)))).message).toBe('no money')
    await room.sim.run(1_000)
    expect(await seen(room, 1)).toEqual([[], [], []])
  })

  test('one that is cancelled does nothing', async () => {
    const room = await QueueRoom.open(2)
    const end = new AbortController()
    const work = (tx: Transaction) => {
      toAll('paid')(tx)
      end.abort(new Error('never mind'))
    }
    const done = messaging(room, 0).transaction(work, { signal: end.signal })
    expect((await failureOf(room.settle(done))).message).toBe('never mind')
    await room.sim.run(1_000)
    expect(await seen(room, 1)).toEqual([[], [], []])
  })

  test('a queue that refuses its message aborts the whole, and says why', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'right', { maxMessages: 1, whenFull: 'fail' }).send('first'))
    const failure = await failureOf(room.settle(messaging(room, 0).transaction(toAll('paid'))))
    expect(failure.code).toBe('aborted')
    expect((failure as { cause?: { code?: string } }).cause?.code).toBe('queue-full')
    await room.sim.run(30_000)
    expect(await seen(room, 1)).toEqual([[], [], ['first']])
  })

  test('a dedupId that is known aborts the whole; one of an aborted transaction is free again', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'right').send('once', { dedupId: 'known' }))
    const work = (tx: Transaction) => {
      tx.queue('left').send('paid', { dedupId: 'fresh' })
      tx.queue('right').send('paid', { dedupId: 'known' })
    }
    const failure = await failureOf(room.settle(messaging(room, 0).transaction(work)))
    expect((failure as { cause?: { code?: string } }).cause?.code).toBe('duplicate')
    await room.sim.run(5_000)
    const again = await room.settle(room.queue(1, 'left').send('paid', { dedupId: 'fresh' }))
    expect(again.isDuplicate).toBe(false)
    expect(await seen(room, 1)).toEqual([['paid'], [], ['once']])
  })

  test('its bodies and options are checked at once', async () => {
    const room = await QueueRoom.open(1)
    const codes: unknown[] = []
    await room.settle(
      messaging(room, 0).transaction((tx) => {
        const wrongs = [
          () => tx.queue('left').send(() => 1),
          () => tx.queue('a..b').send(1),
          () => tx.queue('left').send(1, { ttlMs: -1 }),
          () => tx.topic('a.*').publish(1),
          () => tx.ack({} as Delivery),
        ]
        for (const wrong of wrongs) {
          try {
            wrong()
          } catch (error) {
            codes.push((error as { code?: string }).code)
          }
        }
      }),
    )
    expect(codes).toEqual(['bad-body', 'bad-name', 'bad-option', 'bad-name', 'bad-option'])
  })

  test('what is asked of it after its work has ended is refused', async () => {
    const room = await QueueRoom.open(1)
    let late: Transaction | undefined
    await room.settle(
      messaging(room, 0).transaction((tx) => {
        late = tx
      }),
    )
    expect(() => late?.queue('left').send(1)).toThrow(/has ended/)
  })
})

describe('QUE41 acks of a transaction hold their leases, and a lost one aborts the whole', () => {
  test('a message is finished with what was sent for it', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'left').send('order'))
    const loop = room.loop(1, { queue: 'left' }, (delivery) =>
      messaging(room, 1).transaction((tx) => {
        tx.ack(delivery)
        tx.queue('right').send(`bill for ${delivery.body}`)
      }),
    )
    await room.sim.run(2_000)
    expect(loop.bodies).toEqual(['order'])
    expect(await seen(room, 2)).toEqual([[], [], ['bill for order']])
  })

  test('one attempt that is another’s by now aborts the whole', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'left').send('order'))
    let kept: Delivery | undefined
    const loop = room.loop(1, { queue: 'left', ack: 'individual' }, (delivery) => {
      kept ??= delivery
    })
    await room.sim.run(1_000)
    loop.stop()
    await room.sim.run(1_000)
    const work = (tx: Transaction) => {
      tx.ack(kept as Delivery)
      tx.queue('right').send('bill')
    }
    const failure = await failureOf(room.settle(messaging(room, 1).transaction(work)))
    expect(failure.code).toBe('aborted')
    expect((failure as { cause?: { code?: string } }).cause?.code).toBe('lease-lost')
    await room.sim.run(20_000)
    expect(await seen(room, 2)).toEqual([['order'], [], []])
  })

  test('what it would have finished is given again after an abort, as a failed attempt', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'right', { maxMessages: 1, whenFull: 'fail' }).send('first'))
    await room.settle(room.queue(0, 'left', { redeliveryDelayMs: 0 }).send('order'))
    const failures: unknown[] = []
    const counts: number[] = []
    room.loop(1, { queue: 'left' }, async (delivery) => {
      counts.push(delivery.deliveryCount)
      if (counts.length > 2) return
      await messaging(room, 1)
        .transaction((tx) => {
          tx.ack(delivery)
          tx.queue('right').send('bill')
        })
        .catch((error) => failures.push(error.code))
      await delivery.nack()
    })
    await room.sim.run(20_000)
    expect(failures).toEqual(['aborted', 'aborted'])
    expect(counts).toEqual([1, 2, 3])
  })

  test('a loop that goes on before the abort gives the message up', async () => {
    const room = await QueueRoom.open(2)
    await room.settle(room.queue(0, 'left', { redeliveryDelayMs: 0 }).send('order'))
    await room.settle(room.queue(0, 'right', { maxMessages: 1, whenFull: 'fail' }).send('first'))
    const counts: number[] = []
    room.loop(1, { queue: 'left' }, (delivery) => {
      counts.push(delivery.deliveryCount)
      if (counts.length > 1) return
      messaging(room, 1)
        .transaction((tx) => {
          tx.ack(delivery)
          tx.queue('right').send('bill')
        })
        .catch(() => {})
    })
    await room.sim.run(20_000)
    expect(counts).toEqual([1, 2])
  })

  test('nobody else gets it while its consumer, gone by now, has not decided', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(room.queue(0, 'left').send('order'))
    await room.settle(room.queue(0, 'right', { maxMessages: 1, whenFull: 'block' }).send('first'))
    const loop = room.loop(2, { queue: 'left', ack: 'individual' }, (delivery) => {
      messaging(room, 2)
        .transaction((tx) => {
          tx.ack(delivery)
          tx.queue('right').send('bill')
        })
        .catch(() => {})
    })
    await room.sim.run(1_000)
    expect(loop.bodies).toEqual(['order'])
    loop.stop()
    const other = room.loop(1, { queue: 'left' })
    await room.sim.run(3_000)
    expect(other.bodies).toEqual([])
    // It could not be prepared in time: aborted, and the message is free.
    await room.sim.run(30_000)
    expect(other.bodies).toEqual(['order'])
  })
})

describe('QUE42 a topic’s message is given to those who subscribe once it is committed', () => {
  test('durably or now, and not at all after an abort', async () => {
    const room = await QueueRoom.open(3)
    const live: unknown[] = []
    const durable: unknown[] = []
    const hear = async (into: unknown[], options: { durable?: string }) => {
      for await (const { body } of messaging(room, 1).topic('news').subscribe(options)) into.push(body)
    }
    void hear(live, {})
    void hear(durable, { durable: 'archive' })
    await room.sim.run(3_000)
    await room.settle(
      messaging(room, 0).transaction((tx) => {
        tx.topic('news').publish('good')
        tx.queue('left').send('good')
      }),
    )
    await room.settle(room.queue(0, 'right', { maxMessages: 1, whenFull: 'fail' }).send('first'))
    await failureOf(
      room.settle(
        messaging(room, 0).transaction((tx) => {
          tx.topic('news').publish('bad')
          tx.queue('right').send('bad')
        }),
      ),
    )
    await room.sim.run(20_000)
    expect({ live, durable }).toEqual({ live: ['good'], durable: ['good'] })
  })
})

describe('QUE43 a transaction is never partial for good', () => {
  /** All three see it, or none does. */
  async function isWhole(room: QueueRoom, from: number): Promise<boolean> {
    const [left, ...others] = (await seen(room, from)).map(({ length }) => length)
    return others.every((length) => length === left)
  }

  const moments = Array.from({ length: 40 }, (_, at) => at * 5)

  test.each([true, false])('its coordinator killed at any moment; it comes back: %s', async (comesBack) => {
    const outcomes = new Set<number | undefined>()
    for (const afterMs of moments) {
      const room = await QueueRoom.open(3, afterMs + 1)
      for (const name of NAMES) await room.settle(room.queue(0, name).stats())
      messaging(room, 2)
        .transaction(toAll('paid'))
        .catch(() => {})
      await room.sim.run(afterMs)
      room.kill(2)
      if (comesBack) await room.returns(2)
      await room.sim.run(150_000)
      expect(await isWhole(room, 0), `killed after ${afterMs} ms`).toBe(true)
      outcomes.add((await seen(room, 0))[0]?.length)
    }
    expect([...outcomes].sort()).toEqual([0, 1])
  })

  test('any other killed at any moment, with what it owns', async () => {
    for (const afterMs of moments) {
      const room = await QueueRoom.open(3, afterMs + 100)
      for (const name of NAMES) await room.settle(room.queue(0, name).stats())
      let isDone = false
      messaging(room, 2)
        .transaction(toAll('paid'))
        .then(
          () => {
            isDone = true
          },
          () => {},
        )
      await room.sim.run(afterMs)
      room.kill(0)
      await room.sim.run(150_000)
      expect(await isWhole(room, 1), `killed after ${afterMs} ms`).toBe(true)
      if (isDone) expect((await seen(room, 1))[0], `killed after ${afterMs} ms`).toEqual(['paid'])
    }
  })

  test('all killed at once come back with all of it or nothing', async () => {
    for (const afterMs of moments) {
      const room = await QueueRoom.open(3, afterMs + 200)
      for (const name of NAMES) await room.settle(room.queue(0, name).stats())
      messaging(room, 1)
        .transaction(toAll('paid'))
        .catch(() => {})
      await room.sim.run(afterMs)
      for (const index of [0, 1, 2]) room.kill(index)
      for (const index of [0, 1, 2]) await room.returns(index)
      await room.sim.run(150_000)
      expect(await isWhole(room, 0), `killed after ${afterMs} ms`).toBe(true)
    }
  })

  test('a committed one stays seen when its queues change hands', async () => {
    const room = await QueueRoom.open(3)
    await room.settle(messaging(room, 0).transaction(toAll('paid')))
    room.kill(0)
    await room.sim.run(60_000)
    expect(await seen(room, 1)).toEqual([['paid'], ['paid'], ['paid']])
  })
})

test('QUE44 a peer that decides for another’s transaction is refused', async () => {
  const room = await QueueRoom.open(2)
  await room.settle(room.queue(0, 'left').send('first'))
  const body = { queue: 'left' }
  for (const method of ['queue.prepare', 'queue.decide', 'queue.outcome', 'queue.apply']) {
    const tab = room.tabs[1] as MessagingTab
    const to = (room.tabs[await room.owner('left')] as MessagingTab).tab.peerId
    const failure = await failureOf(room.settle(tab.room.request(to, method, body, { timeoutMs: 1_000 })))
    expect(failure.code, method).toBeDefined()
  }
  expect(await seen(room, 0)).toEqual([['first'], [], []])
})
