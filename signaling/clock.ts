/** Time as an argument, so that tests need not wait. */
export interface Clock {
  /** Milliseconds from any fixed point. */
  now(): number
  /** Calls `tick` each `ms` until the returned function is called. Any time from 1 ms is kept, months too. */
  every(ms: number, tick: () => void): () => void
}

/** The longest delay that Node keeps: it takes a longer one for 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  every(ms, tick) {
    if (!(ms >= 1)) throw new RangeError(`a tick is each 1 ms or more, not each ${ms}`)
    let left = ms
    let timer = setTimeout(onTimer, part())
    function part() {
      return Math.min(left, MAX_TIMER_MS)
    }
    function onTimer() {
      left -= part()
      const isDue = left <= 0
      if (isDue) left = ms
      // Planned first: a tick may end it.
      timer = setTimeout(onTimer, part())
      if (isDue) tick()
    }
    return () => clearTimeout(timer)
  },
}
