/** Time as a port: simulations run on a virtual one. */
export interface Clock {
  /** Milliseconds that never go back within a session. Leases and timeouts use this one. */
  now(): number
  /** Milliseconds since the epoch by this device's clock. For showing to people and stamping messages only. */
  wall(): number
  /** Calls `run` once after at least `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void
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
