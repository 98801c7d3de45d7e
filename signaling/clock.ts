/** Time as an argument, so that tests need not wait. */
export interface Clock {
  /** Milliseconds from any fixed point. */
  now(): number
  /** Calls `tick` each `ms` until the returned function is called. */
  every(ms: number, tick: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  every(ms, tick) {
    const timer = setInterval(tick, ms)
    return () => clearInterval(timer)
  },
}
