import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../web/base/index.ts'

export interface ClockUnderTest {
  readonly clock: Clock
  /** Lets time pass and everything happen that is due in it. */
  pass(ms: number): Promise<void>
  /** Timers of the platform that have fired so far. */
  wakes(): number
  end(): void
}

const DAY = 24 * 60 * 60_000
/** One more than engines keep: they fire it at once. */
const PAST_THE_ENGINE = 2 ** 31

/** What every adapter of the clock port promises. */
export function testClock(name: string, make: () => ClockUnderTest): void {
  describe(name, () => rules(make))
}

function rules(make: () => ClockUnderTest): void {
  let under: ClockUnderTest
  beforeEach(() => {
    under = make()
  })
  afterEach(() => under.end())

  const plan = (ms: number): { count: number; cancel: () => void } => {
    const fired = { count: 0 }
    const cancel = under.clock.after(ms, () => {
      fired.count++
    })
    return Object.assign(fired, { cancel })
  }

  test(`BAS7 a timer fires once, at its time and not before`, async () => {
    const fired = plan(50)
    await under.pass(48)
    expect(fired.count).toBe(0)
    await under.pass(3)
    expect(fired.count).toBe(1)
    await under.pass(1000)
    expect(fired.count).toBe(1)
  })

  test.each([
    ['one past what engines keep', PAST_THE_ENGINE],
    ['30 days', 30 * DAY],
    ['60 days', 60 * DAY],
  ])(`BAS7 %s is kept, with few timers of the platform`, async (_, ms) => {
    const fired = plan(ms)
    await under.pass(1000)
    expect(fired.count).toBe(0)
    await under.pass(ms - 2000)
    expect(fired.count).toBe(0)
    await under.pass(2000)
    expect(fired.count).toBe(1)
    expect(under.wakes()).toBeLessThanOrEqual(Math.ceil(ms / (PAST_THE_ENGINE - 1)) + 1)
  })

  test.each([Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
    `BAS7 %d ms neither fire nor spin`,
    async (ms) => {
      const fired = plan(ms)
      await under.pass(100 * DAY)
      expect(fired.count).toBe(0)
      expect(under.wakes()).toBeLessThanOrEqual(5)
      fired.cancel()
    },
  )

  test(`BAS7 less than 0 is 0, and what is no number is refused`, async () => {
    const fired = [plan(0), plan(-5), plan(Number.NEGATIVE_INFINITY)]
    await under.pass(2)
    expect(fired.map(({ count }) => count)).toEqual([1, 1, 1])
    expect(() => plan(Number.NaN)).toThrow(RangeError)
  })

  test(`BAS7 what is cancelled does not fire, in its second part neither`, async () => {
    const [short, long] = [plan(50), plan(40 * DAY)]
    short.cancel()
    await under.pass(30 * DAY)
    long.cancel()
    await under.pass(30 * DAY)
    expect([short.count, long.count]).toEqual([0, 0])
    expect(under.wakes()).toBeLessThanOrEqual(2)
    short.cancel()
  })
}
