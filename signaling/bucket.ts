/**
 * A token bucket kept as one number for each connection (the generic cell rate algorithm, ITU-T I.371): the time at
 * which the bucket would be full again.
 */
export class Bucket {
  readonly #tokenMs: number
  readonly #burstMs: number

  constructor(perSecond: number, burst: number) {
    this.#tokenMs = 1000 / perSecond
    this.#burstMs = burst * this.#tokenMs
  }

  /** The state after taking `tokens` at `nowMs`, or undefined when there are not enough. A fresh bucket's state is 0. */
  take(fullAtMs: number, nowMs: number, tokens = 1): number | undefined {
    const next = Math.max(fullAtMs, nowMs) + tokens * this.#tokenMs
    return next - nowMs > this.#burstMs ? undefined : next
  }
}
