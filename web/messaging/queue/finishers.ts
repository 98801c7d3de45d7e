import { Intervals } from '../../base/index.ts'

/** Consumers of one queue that are remembered; of more, the one that finished something longest ago is forgotten. */
const MAX_CONSUMERS = 1_000
/** Of those, one that asks what this device knows is told the newest so many, with so many runs of numbers in all. */
const MAX_TOLD = 1_000
const MAX_TOLD_RUNS = 20_000
/** Senders of whose messages one consumer's finishes are remembered, and runs of numbers for each. */
const MAX_SOURCES = 256
const MAX_RUNS = 2_048

/** What one consumer finished of one sender's messages. */
export interface Finished {
  readonly by: string
  /** Its key. */
  readonly source: string
  readonly numbers: Intervals
}

/**
 * Which consumer finished what, of late. A consumer whose ack was not answered asks again: what it finished itself is
 * settled, what another finished meanwhile was never its own to settle. In memory only, as no consumer outlives its tab.
 */
export class Finishers {
  readonly #byConsumer = new Map<string, Map<string, Intervals>>()

  note(consumer: string, source: string, numbers: Intervals): void {
    if (numbers.isEmpty) return
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

  /** For another device: the oldest first, as it came to be known here. */
  told(): readonly Finished[] {
    const told: Finished[] = []
    let runs = 0
    for (const [by, bySource] of [...this.#byConsumer].reverse()) {
      for (const [source, numbers] of [...bySource].reverse()) {
        runs += numbers.runs
        if (told.length >= MAX_TOLD || runs > MAX_TOLD_RUNS) return told.reverse()
        told.push({ by, source, numbers })
      }
    }
    return told.reverse()
  }

  has(consumer: string, source: string, number: number): boolean {
    return this.#byConsumer.get(consumer)?.get(source)?.has(number) ?? false
  }
}

function forgetOldest<T>(map: Map<string, T>, most: number): void {
  const oldest = map.size > most ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
