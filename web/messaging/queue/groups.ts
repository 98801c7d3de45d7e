import type { Live } from './live.ts'

/** Groups that are remembered; of more, those that nobody has in hand are given to whoever comes first. */
const MAX_GROUPS = 100_000
/** A message with this header at -1 is the last of its group's run (as in JMS and Artemis). */
const GROUP_SEQUENCE = 'JMSXGroupSeq'

/**
 * Which consumer has which message group. One that is to move goes to whoever comes first as soon as nobody has a message of
 * it in hand, so that its order holds.
 */
export class Groups<Consumer> {
  readonly #holders = new Map<string, Consumer>()
  /** Messages in hand. */
  readonly #held = new Map<string, number>()
  readonly #moving = new Set<string>()
  readonly #onFreed: () => void

  /** `onFreed`: what {@link canTake} refused may be taken now. */
  constructor(onFreed: () => void) {
    this.#onFreed = onFreed
  }

  canTake({ tags: { group } }: Live, consumer: Consumer): boolean {
    if (group === undefined) return true
    if (this.#moving.has(group)) return (this.#held.get(group) ?? 0) === 0
    return (this.#holders.get(group) ?? consumer) === consumer
  }

  taken({ tags: { group }, headers }: Live, consumer: Consumer): void {
    if (group === undefined) return
    this.#moving.delete(group)
    this.#holders.set(group, consumer)
    this.#held.set(group, (this.#held.get(group) ?? 0) + 1)
    if (headers[GROUP_SEQUENCE] === -1) this.#moving.add(group)
    if (this.#holders.size > MAX_GROUPS) this.#trim()
  }

  /** Its message is in nobody's hand any more. */
  ended({ tags: { group } }: Live): void {
    if (group === undefined) return
    const left = (this.#held.get(group) ?? 1) - 1
    if (left > 0) this.#held.set(group, left)
    else {
      this.#held.delete(group)
      if (this.#moving.has(group)) this.#onFreed()
    }
  }

  /** A consumer that goes leaves its groups to others. */
  leave(consumer: Consumer): void {
    for (const [group, holder] of this.#holders) if (holder === consumer) this.#holders.delete(group)
    this.#onFreed()
  }

  /** Gives how many move. */
  rebalance(): number {
    for (const group of this.#holders.keys()) this.#moving.add(group)
    this.#onFreed()
    return this.#holders.size
  }

  #trim(): void {
    for (const group of this.#holders.keys()) {
      if (this.#held.has(group)) continue
      this.#holders.delete(group)
      this.#moving.delete(group)
      return
    }
  }
}
