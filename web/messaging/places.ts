import { type Clock, isCount } from '../base/index.ts'

/** How far ahead of this device another's place may be before it is neither believed nor followed: two days. */
export const MAX_AHEAD_MS = 2 * 24 * 60 * 60_000

/**
 * Where messages stand, as a hybrid logical clock: a new one gets this device's time, or one more than the highest place that
 * it has seen. It carries its place, so that a topic has the same order on every device whatever their clocks say, and an
 * answer stands behind what it answers. Places grow with the fastest clock in the room, but no peer pulls this device
 * further than {@link MAX_AHEAD_MS}.
 */
export class Places {
  readonly #clock: Clock
  #seen = 0
  #own = 0

  constructor(clock: Clock, own: number) {
    this.#clock = clock
    this.#own = Math.floor(own)
  }

  /** The highest that this device knows. */
  get highest(): number {
    return Math.max(this.#seen, this.#own)
  }

  /** Own ones never go back; those of one moment share it, and their numbers tell them apart. */
  next(): number {
    this.#own = Math.max(Math.floor(this.#clock.wall()), this.#own, this.#seen + 1)
    return this.#own
  }

  /** Places are whole numbers. */
  isBelieved(place: number): boolean {
    return isCount(place) && place <= this.#clock.wall() + MAX_AHEAD_MS
  }

  see(place: number): void {
    if (place > this.#seen && this.isBelieved(place)) this.#seen = place
  }
}
