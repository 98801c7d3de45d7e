import type { Encoded } from '../wire/index.ts'
import { batchToWire } from './batch.ts'
import type { Item } from './item.ts'

/** Pipes to peers that keep up with each other take the same items within one turn of the event loop. */
const REMEMBERED = 4

/** What goes to several peers is encoded once. */
export class BatchEncodings {
  readonly #latest: {
    readonly items: readonly Item[]
    readonly inRuns: boolean
    readonly encoded: Encoded
  }[] = []

  of(items: readonly Item[], inRuns: boolean): Encoded {
    const known = this.#latest.find((batch) => batch.inRuns === inRuns && isSame(batch.items, items))
    if (known) return known.encoded
    const encoded = batchToWire(items, inRuns)
    this.#latest.push({ items, inRuns, encoded })
    if (this.#latest.length > REMEMBERED) this.#latest.shift()
    return encoded
  }
}

function isSame(some: readonly Item[], others: readonly Item[]): boolean {
  return some.length === others.length && some.every((item, at) => item === others[at])
}
