import { Intervals } from './intervals.ts'

/** Consumers of one queue that are remembered; of more, the one that finished something longest ago is forgotten. */
const MAX_CONSUMERS = 1_000
/** Senders of whose messages one consumer's finishes are remembered, and runs of numbers for each. */
const MAX_SOURCES = 256
const MAX_RUNS = 2_048

/**
 * Which consumer finished what, of late. A consumer whose ack was not answered asks again: what it finished itself is
 * settled, what another finished meanwhile was never its own to settle. In memory only, as no consumer outlives its tab.
 */
export class Finishers {
  readonly #byConsumer = new Map<string, Map<string, Intervals>>()

  note(consumer: string, source: string, numbers: Intervals): void {
    const bySource = this.#byConsumer.get(consumer) ?? new Map<string, Intervals>()
    // What was used last is the last to be forgotten.
    this.#byConsumer.delete(consumer)
    this.#byConsumer.set(consumer, bySource)
    forgetOldest(this.#byConsumer, MAX_CONSUMERS)
    const known = bySource.get(source) ?? new Intervals()
    known.addAll(numbers)
    bySource.delete(source)
    bySource.set(source, known.runs > MAX_RUNS ? known.newest(MAX_RUNS / 2) : known)
    forgetOldest(bySource, MAX_SOURCES)
  }

  has(consumer: string, source: string, number: number): boolean {
    return this.#byConsumer.get(consumer)?.get(source)?.has(number) ?? false
  }
}

function forgetOldest<T>(map: Map<string, T>, most: number): void {
  const oldest = map.size > most ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
