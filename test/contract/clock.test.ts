import { describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../signaling/clock.ts'
import type { Clock } from '../../web/base/index.ts'
import { createBrowserClock } from '../../web/browser-clock.ts'
import { FakePage } from '../support/fake-page.ts'
import { GatedClock, VirtualClock } from '../support/sim/clock.ts'
import { type ClockUnderTest, testClock } from './clock.ts'

function virtual(of: (clock: VirtualClock) => Clock): ClockUnderTest {
  const clock = new VirtualClock()
  return {
    clock: of(clock),
    async pass(ms) {
      const until = clock.now() + ms
      while (await clock.step(until));
    },
    wakes: () => clock.steps,
    end: () => undefined,
  }
}

function browser(
  visibility: 'visible' | 'hidden',
  workers: 'allowed' | 'forbidden' = 'allowed',
): ClockUnderTest {
  const page = new FakePage(visibility, workers)
  const ended = new AbortController()
  return {
    clock: createBrowserClock(ended.signal),
    pass: (ms) => page.pass(ms),
    wakes: () => page.wakes,
    end() {
      ended.abort()
      page.end()
    },
  }
}

testClock('the simulation’s clock', () => virtual((clock) => clock))
testClock('one node’s view of it', () => virtual((clock) => new GatedClock(clock)))
testClock('a page’s clock', () => browser('visible'))
testClock('a hidden page’s clock', () => browser('hidden'))
testClock('a hidden page’s clock without a worker', () => browser('hidden', 'forbidden'))

describe('a page that is hidden and shown', () => {
  test('BAS7 keeps a timer of 30 days, whatever it is in', async () => {
    const page = new FakePage('visible', 'allowed')
    const ended = new AbortController()
    const clock = createBrowserClock(ended.signal)
    let count = 0
    clock.after(30 * 86_400_000, () => count++)
    clock.after(50, () => count++)()
    for (let day = 0; day < 29; day++) {
      page.become(day % 2 === 0 ? 'hidden' : 'visible')
      await page.pass(86_400_000)
    }
    expect(count).toBe(0)
    await page.pass(86_400_001)
    expect(count).toBe(1)
    expect(page.timersLeft).toBe(0)
    ended.abort()
    page.end()
  })
})

describe('the server’s clock', () => {
  test.each([
    [20_000, 60_000, 3],
    [2 ** 31, 2 ** 33, 4],
    [30 * 86_400_000, 61 * 86_400_000, 2],
    [Number.MAX_SAFE_INTEGER, 100 * 86_400_000, 0],
  ])('BAS7 each %d ms, for %d ms', (ms, during, ticks) => {
    vi.useFakeTimers()
    try {
      let count = 0
      const end = systemClock.every(ms, () => count++)
      vi.advanceTimersByTime(during)
      expect(count).toBe(ticks)
      end()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test.each([Number.NaN, 0, -1])('BAS7 each %d ms is refused', (ms) => {
    expect(() => systemClock.every(ms, () => undefined)).toThrow(RangeError)
  })
})
