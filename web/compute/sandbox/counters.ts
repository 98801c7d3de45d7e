import { TaskFault } from './fault.ts'

/** Hadoop's `mapreduce.job.counters.max`. */
export const MAX_COUNTERS = 120
export const MAX_COUNTER_NAME_CHARS = 100

/** The user's counters of one task. */
export class Counters {
  readonly #sums = new Map<string, number>()

  add(name: unknown, n: unknown): void {
    if (typeof name !== 'string' || name === '' || name.length > MAX_COUNTER_NAME_CHARS) {
      throw new TaskFault(
        'bad-value',
        `a counter's name is a string of 1 to ${MAX_COUNTER_NAME_CHARS} characters`,
      )
    }
    if (typeof n !== 'number' || !Number.isFinite(n))
      throw new TaskFault('bad-value', `counter ${name}: the step is not a finite number`)
    const sum = this.#sums.get(name)
    if (sum === undefined && this.#sums.size >= MAX_COUNTERS)
      throw new TaskFault('bad-value', `more than ${MAX_COUNTERS} counters`)
    this.#sums.set(name, (sum ?? 0) + n)
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#sums)
  }
}
