/** A set of whole numbers from 1 on, kept as its runs: `from, to, from, to, ...`, sorted, none touching the next. */
export class Intervals {
  readonly #bounds: number[]

  constructor(bounds: readonly number[] = []) {
    this.#bounds = [...bounds]
  }

  /** Undefined for anything that {@link toArray} does not make, or more than `maxRuns` runs. */
  static read(value: unknown, maxRuns: number): Intervals | undefined {
    if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > maxRuns * 2) return undefined
    let last = -1
    for (let i = 0; i < value.length; i += 2) {
      const [from, to] = [value[i] as unknown, value[i + 1] as unknown]
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return undefined
      if ((from as number) < 1 || (from as number) <= last + 1 || (to as number) < (from as number))
        return undefined
      last = to as number
    }
    return new Intervals(value as number[])
  }

  get isEmpty(): boolean {
    return this.#bounds.length === 0
  }

  get runs(): number {
    return this.#bounds.length / 2
  }

  /** The highest number; 0 for none. */
  get max(): number {
    return this.#bounds.at(-1) ?? 0
  }

  has(number: number): boolean {
    const at = this.#runEndingFrom(number)
    return at < this.#bounds.length && (this.#bounds[at] as number) <= number
  }

  /** False when all of it was there. */
  add(from: number, to = from): boolean {
    const bounds = this.#bounds
    // The runs that touch the new one: the first that ends at from - 1 or later, up to the last that begins at to + 1.
    const first = this.#runEndingFrom(from - 1)
    let last = first
    while (last < bounds.length && (bounds[last] as number) <= to + 1) last += 2
    if (last === first) {
      bounds.splice(first, 0, from, to)
      return true
    }
    const start = Math.min(from, bounds[first] as number)
    const end = Math.max(to, bounds[last - 1] as number)
    if (last - first === 2 && start === bounds[first] && end === bounds[first + 1]) return false
    bounds.splice(first, last - first, start, end)
    return true
  }

  addAll(other: Intervals): void {
    for (const [from, to] of other) this.add(from, to)
  }

  /** What is here and not in `other`. */
  minus(other: Intervals): Intervals {
    const left: number[] = []
    for (const [from, to] of this) {
      let next = from
      for (let at = other.#runEndingFrom(from); at < other.#bounds.length && next <= to; at += 2) {
        const [start, end] = [other.#bounds[at] as number, other.#bounds[at + 1] as number]
        if (start > to) break
        if (start > next) left.push(next, start - 1)
        next = end + 1
      }
      if (next <= to) left.push(next, to)
    }
    return new Intervals(left)
  }

  /** Its last `runs` runs. */
  newest(runs: number): Intervals {
    return new Intervals(this.#bounds.slice(-runs * 2))
  }

  toArray(): readonly number[] {
    return [...this.#bounds]
  }

  *[Symbol.iterator](): Generator<readonly [number, number], void, undefined> {
    for (let i = 0; i < this.#bounds.length; i += 2)
      yield [this.#bounds[i] as number, this.#bounds[i + 1] as number]
  }

  *numbers(): Generator<number, void, undefined> {
    for (const [from, to] of this) for (let number = from; number <= to; number++) yield number
  }

  /** Index of the first run that ends at `number` or later. */
  #runEndingFrom(number: number): number {
    let low = 0
    let high = this.#bounds.length / 2
    // What is finished is mostly finished in order: the last run is the one asked for.
    if (high > 0 && (this.#bounds.at(-1) as number) < number) return this.#bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#bounds[middle * 2 + 1] as number) < number) low = middle + 1
      else high = middle
    }
    return low * 2
  }
}
