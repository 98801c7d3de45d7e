import { describe, expect, test } from 'vitest'
import { violationsOf } from './queue-checks/index.ts'
import { History, type Loop, type Take } from './queue-history.ts'

/** A history of one queue by hand: who sent, took and acked what when. */
class Told {
  readonly history = new History()

  constructor() {
    this.history.last = 'orders'
  }

  send(text: string, dedupId?: string): void {
    const rest = { tab: 0, queue: 'orders', at: 0, priority: 4, group: undefined, tx: undefined }
    this.history.sends({ text, dedupId, ...rest })({ level: 'replicated', copies: 2, isDuplicate: false })
  }

  loop(tab: number, isExclusive = false): Loop {
    return this.history.begins({ tab, queue: 'orders', isExclusive, from: 0 })
  }

  take(loop: Loop, text: string, at: number, deliveryCount = 1, id = text): Take {
    return this.history.comes({ at, loop, text, id, deliveryCount, priority: 4, group: undefined })
  }

  acks(take: Take, at: number): void {
    take.asked = { how: 'acked', at }
    take.outcome = { how: 'acked', at }
  }

  fails(take: Take, at: number): void {
    take.asked = { how: 'failed', at }
    take.outcome = { how: 'failed', at }
  }

  get checks(): readonly string[] {
    return [...new Set(violationsOf(this.history).map(({ check }) => check))]
  }
}

describe('the checkers on small histories', () => {
  test('QUE1 what was confirmed and never came, and what came and was never sent', () => {
    const told = new Told()
    told.send('a')
    told.acks(told.take(told.loop(1), 'b', 10), 20)
    expect(told.checks).toEqual(['lost', 'unexpected'])
  })

  test('QUE20 what comes after its ack: right only on the other side of a split, and from a buffer that slept', () => {
    const play = (befall: (history: History) => void) => {
      const told = new Told()
      told.send('a')
      befall(told.history)
      told.acks(told.take(told.loop(1), 'a', 10), 20)
      told.take(told.loop(2), 'a', 6_000)
      return told.checks
    }
    expect(play(() => {})).toEqual(['repeated'])
    expect(play((history) => history.sleeps(1, 15, 5_000))).toEqual(['repeated'])
    expect(play((history) => history.sleeps(2, 15, 5_000))).toEqual([])
    expect(
      play((history) => {
        history.cut(5)
        history.heal(4_000)
      }),
    ).toEqual([])
  })

  test('QUE20 two acks of one message are too many, though a tab slept; a split has two sides', () => {
    const play = (befall: (history: History) => void) => {
      const told = new Told()
      told.send('a')
      befall(told.history)
      const [first, second] = [told.take(told.loop(1), 'a', 10), told.take(told.loop(2), 'a', 7_000, 2)]
      told.acks(second, 7_500)
      told.acks(first, 9_000)
      return told.checks
    }
    expect(play((history) => history.sleeps(1, 20, 8_000))).toEqual(['two acks'])
    expect(play((history) => history.cut(5))).toEqual([])
  })

  test('QUE3 one message in two hands: right only when the first has gone', () => {
    const play = (befall: (history: History, loop: Loop) => void) => {
      const told = new Told()
      told.send('a')
      const loop = told.loop(1)
      told.take(loop, 'a', 10)
      befall(told.history, loop)
      told.acks(told.take(told.loop(2), 'a', 5_000, 2), 5_100)
      return told.checks
    }
    expect(play(() => {})).toContain('two hands')
    expect(play((history) => history.dies(1, 100))).toEqual([])
    expect(
      play((_, loop) => {
        loop.to = 200
      }),
    ).toEqual([])
  })

  test('QUE19 two messages of one text, or of one dedup id', () => {
    const told = new Told()
    told.send('a')
    const loop = told.loop(1)
    told.acks(told.take(loop, 'a', 10, 1, 'x'), 20)
    told.acks(told.take(loop, 'a', 30, 1, 'y'), 40)
    expect(told.checks).toEqual(['doubled'])
    const twins = new Told()
    for (const text of ['a', 'b']) twins.send(text, 'same')
    const other = twins.loop(1)
    for (const text of ['a', 'b']) twins.acks(twins.take(other, text, 10), 20)
    expect(twins.checks).toEqual(['doubled'])
  })

  test('QUE8 the count of attempts rises with each that failed, and with nothing else', () => {
    const play = (count: number) => {
      const told = new Told()
      told.send('a')
      const loop = told.loop(1)
      told.fails(told.take(loop, 'a', 10), 20)
      told.acks(told.take(loop, 'a', 30, count), 40)
      return told.checks
    }
    expect(play(2)).toEqual([])
    expect(play(1)).toEqual(['deliveryCount'])
    expect(play(3)).toEqual(['deliveryCount'])
  })

  test('QUE4 a sender’s order at a loop; one that another loop gave back may be late', () => {
    const play = (otherTo: number | undefined) => {
      const told = new Told()
      for (const text of ['a', 'b']) told.send(text)
      told.loop(2).to = otherTo
      const loop = told.loop(1)
      for (const text of ['b', 'a']) told.acks(told.take(loop, text, 10), 20)
      return told.checks
    }
    expect(play(undefined)).toEqual(['order'])
    expect(play(5)).toEqual([])
    // It had left when they were sent, and the owner may not have known yet, or must have.
    expect(play(-500)).toEqual([])
    expect(play(-1_500)).toEqual(['order'])
  })

  test('QUE11 what was in flight comes first to the next exclusive loop, and one loop has them at a time', () => {
    const told = new Told()
    for (const text of ['a', 'b', 'c']) told.send(text)
    const [dying, next] = [told.loop(1, true), told.loop(2, true)]
    told.take(dying, 'a', 10)
    told.take(dying, 'b', 11)
    told.history.dies(1, 100)
    for (const [at, text] of ['a', 'c', 'b'].entries()) told.acks(told.take(next, text, 5_000 + at, 2), 6_000)
    expect(told.checks).toEqual(['redelivery order'])
    const two = new Told()
    for (const text of ['a', 'b']) two.send(text)
    two.take(two.loop(1, true), 'a', 10)
    two.take(two.loop(2, true), 'b', 11)
    expect(two.checks).toEqual(['alone'])
  })

  test('QUE43 a transaction seen in one queue of two, committed and unseen, aborted and seen', () => {
    const play = (how: 'committed' | 'aborted', seenIn: readonly string[]) => {
      const told = new Told()
      told.history.last = 'bills'
      const ack = told.take(told.loop(1), 'a', 10)
      told.send('a')
      const queues = ['bills', 'goods']
      const transfer = told.history.brings({ tab: 1, at: 20, ack, queues })
      for (const queue of queues) {
        const rest = { tab: 1, at: 20, priority: 4, group: undefined, dedupId: undefined }
        told.history.sends({ text: 'a#1', queue, tx: transfer.name, ...rest })
      }
      transfer.outcome = { how, at: 30 }
      if (how === 'committed') ack.outcome = { how, at: 30 }
      for (const queue of seenIn) {
        const loop = told.history.begins({ tab: 2, queue, isExclusive: false, from: 0 })
        told.acks(told.take(loop, 'a#1', 40, 1, `${queue} a#1`), 50)
      }
      return told.checks.filter((check) => check !== 'lost')
    }
    expect(play('committed', ['bills', 'goods'])).toEqual([])
    expect(play('committed', ['bills'])).toEqual(['transaction'])
    expect(play('committed', [])).toEqual(['transaction'])
    expect(play('aborted', [])).toEqual([])
    expect(play('aborted', ['bills', 'goods'])).toEqual(['transaction'])
  })
})
