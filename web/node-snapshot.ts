import { type Clock, every, Listeners } from './base/index.ts'
import type { NodeSnapshot } from './node-shape.ts'
import type { Store } from './storage/index.ts'

/** How often the store is asked how full it is. */
const USAGE_MS = 10_000

/** One immutable snapshot at a time: built when asked for, thrown away when something changes. */
export class Snapshots {
  readonly #build: () => NodeSnapshot
  readonly #listeners = new Listeners<[]>()
  #current: NodeSnapshot | undefined
  #isTelling = false

  constructor(build: () => NodeSnapshot) {
    this.#build = build
  }

  get(): NodeSnapshot {
    this.#current ??= Object.freeze(this.#build())
    return this.#current
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Listeners are told once for all changes of one turn. */
  changed(): void {
    this.#current = undefined
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      this.#listeners.emit()
    })
  }
}

/** What the store uses and may use, asked again from time to time. */
export class StorageGauge {
  readonly #store: Store
  readonly #onChange: () => void
  readonly #stop: () => void
  #usage: NodeSnapshot['storage']
  #isAsking = false

  constructor(store: Store, clock: Clock, onChange: () => void) {
    this.#store = store
    this.#onChange = onChange
    this.#stop = every(clock, USAGE_MS, () => this.ask())
    this.ask()
  }

  get usage(): NodeSnapshot['storage'] {
    return this.#usage
  }

  ask(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const done = (usage: NodeSnapshot['storage']) => {
      this.#isAsking = false
      const isSame =
        usage?.usedBytes === this.#usage?.usedBytes && usage?.quotaBytes === this.#usage?.quotaBytes
      this.#usage = usage
      if (!isSame) this.#onChange()
    }
    // A store that cannot say is shown as one that does not.
    this.#store.usage().then(done, () => done(undefined))
  }

  stop(): void {
    this.#stop()
  }
}
