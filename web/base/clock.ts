/** Time as a port: simulations run on a virtual one. */
export interface Clock {
  /** Milliseconds that never go back within a session. Leases and timeouts use this one. */
  now(): number
  /** Milliseconds since the epoch by this device's clock. For showing to people and stamping messages only. */
  wall(): number
  /**
   * Calls `run` once after at least `ms` milliseconds; the returned function cancels it. Any finite time is kept, years too,
   * with a timer of the platform for each three weeks at most. Less than 0 is 0; Infinity is never. Throws a RangeError for NaN.
   */
  after(ms: number, run: () => void): () => void
}

/** The longest delay that engines keep: a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** What an adapter of {@link Clock.after} waits for. */
export function delayOf(ms: number): number {
  if (Number.isNaN(ms)) throw new RangeError('a timer needs a number of milliseconds, not NaN')
  return Math.max(0, ms)
}

/** Calls `run` every `ms` milliseconds, the first time after `ms`; the returned function ends it. */
export function every(clock: Clock, ms: number, run: () => void): () => void {
  let cancel = clock.after(ms, tick)
  let isEnded = false
  function tick() {
    run()
    if (!isEnded) cancel = clock.after(ms, tick)
  }
  return () => {
    isEnded = true
    cancel()
  }
}
