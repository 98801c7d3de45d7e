import type { Absence, Befallen } from '../queue-history.ts'

/** Shorter sleeps are noticed by nobody. */
const NOTICED_MS = 3_000
/** So long after a heal the sides may still not be one, and loops may hold what the other side has finished. */
const MERGE_MS = 20_000
/** So long after it woke or came back, a tab may still hold what is another's by now. */
const WAKE_MS = 15_000

/** What of all that befell a story's tabs can explain something between two moments, both included. */
export class Befell {
  readonly #befallen: Befallen
  readonly #absences: readonly Absence[]

  constructor(befallen: Befallen) {
    this.#befallen = befallen
    this.#absences = befallen.absences.filter(
      ({ how, from, to }) => how === 'dead' || to - from >= NOTICED_MS,
    )
  }

  /** The room was split, or had not yet come together again. */
  isSplit(from: number, to: number): boolean {
    return this.#befallen.cuts.some((cut) => cut.from <= to && cut.to + MERGE_MS >= from)
  }

  /** This tab died, or slept for long enough to be given up. */
  isAway(tab: number, from: number, to: number): boolean {
    return this.#absences.some((one) => one.tab === tab && one.from <= to && one.to + WAKE_MS >= from)
  }

  /** This tab slept for long enough to be given up. */
  isAsleep(tab: number, from: number, to: number): boolean {
    return this.#absences.some(
      (one) => one.tab === tab && one.how === 'asleep' && one.from <= to && one.to + WAKE_MS >= from,
    )
  }

  /** Some tab went away: its queues got other owners, its copies others' disks. */
  isAnybodyAway(from: number, to: number): boolean {
    return this.#absences.some((one) => one.from <= to && one.to + WAKE_MS >= from)
  }

  /** So many were away at one moment that all who kept a message may have been: it was out of sight until one came back. */
  isOutOfSight(from: number, to: number): boolean {
    const { copies } = this.#befallen
    const away = this.#absences.filter((one) => one.from <= to && one.to + WAKE_MS >= from)
    return away.some(
      ({ from: at }) => away.filter((one) => one.from <= at && one.to + WAKE_MS >= at).length >= copies,
    )
  }

  /** Some tab went away just then. */
  hasLeft(from: number, to: number): boolean {
    return this.#absences.some((one) => one.from <= to && one.from >= from)
  }

  /** How often tabs went away or the room was split. */
  countUpTo(at: number): number {
    const { cuts } = this.#befallen
    return (
      this.#absences.filter(({ from }) => from <= at).length + cuts.filter(({ from }) => from <= at).length
    )
  }
}
