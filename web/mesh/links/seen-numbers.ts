/** Numbers beyond the lowest that is missing; more than a sender can have on its way. */
const MAX_AHEAD = 4_096

/** Which numbers of a growing sequence have come, in bounded memory. */
export class SeenNumbers {
  /** All up to it have come, or are too old to come. */
  #floor = 0
  readonly #ahead = new Set<number>()

  /** False for one that has come before. */
  add(number: number): boolean {
    if (number <= this.#floor || this.#ahead.has(number)) return false
    this.#ahead.add(number)
    while (this.#ahead.delete(this.#floor + 1)) this.#floor++
    if (this.#ahead.size > MAX_AHEAD) this.#raise()
    return true
  }

  #raise(): void {
    this.#floor = Math.min(...this.#ahead) - 1
    while (this.#ahead.delete(this.#floor + 1)) this.#floor++
  }
}
