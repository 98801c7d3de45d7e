import { expect, test } from 'vitest'
import { abortable, type Clock, sleep, TimeoutError, withTimeout } from '../../../web/base/index.ts'

/** A clock that moves when it is told to. */
function handClock(): Clock & { advance(ms: number): void; readonly waiting: number } {
  let now = 0
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    now: () => now,
    wall: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      now += ms
      for (const timer of [...timers].filter((one) => one.at <= now)) {
        timers.delete(timer)
        timer.run()
      }
    },
    get waiting() {
      return timers.size
    },
  }
}

test('BAS2 an aborted wait rejects with the reason of its signal, before and after it began', async () => {
  const controller = new AbortController()
  const waiting = abortable(new Promise(() => undefined), controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(abortable(Promise.resolve(1), controller.signal)).rejects.toThrow('enough')
})

test('BAS3 a wait ends at its limit and aborts the work', async () => {
  const clock = handClock()
  let workSignal: AbortSignal | undefined
  const waiting = withTimeout(clock, 'the answer', 50, undefined, (signal) => {
    workSignal = signal
    return new Promise<never>(() => undefined)
  })
  clock.advance(50)
  await expect(waiting).rejects.toBeInstanceOf(TimeoutError)
  expect(workSignal?.aborted).toBe(true)
})

test('BAS3 work that ends in time leaves no timer behind', async () => {
  const clock = handClock()
  expect(await withTimeout(clock, 'the answer', 50, undefined, async () => 42)).toBe(42)
  expect(clock.waiting).toBe(0)
})

test('BAS2 sleep ends early with the reason of its signal and cancels its timer', async () => {
  const clock = handClock()
  const controller = new AbortController()
  const waiting = sleep(clock, 1000, controller.signal)
  controller.abort(new Error('wake up'))
  await expect(waiting).rejects.toThrow('wake up')
  expect(clock.waiting).toBe(0)
})

test('BAS2 an outer signal that was aborted before wins without starting the work', async () => {
  let hasRun = false
  const work = async () => {
    hasRun = true
  }
  await expect(withTimeout(handClock(), 'it', 5, AbortSignal.abort(new Error('no')), work)).rejects.toThrow(
    'no',
  )
  expect(hasRun).toBe(false)
})
