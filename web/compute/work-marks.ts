import type { Clock } from '../base/index.ts'
import type { Store } from '../storage/index.ts'

/** The store's table of this layer. */
export const COMPUTE_TABLES: readonly string[] = ['work']
const TABLE = 'work'
const MAX_AGE_MS = 24 * 60 * 60 * 1000

/**
 * Remembers on disk which job was at work here, so that a job that took the whole tab down (memory has no other bound
 * in browsers) is known when the tab is back. Without a store, or when it fails, nothing is remembered.
 */
export class WorkMarks {
  readonly #store: Store | undefined
  readonly #clock: Clock
  readonly #suspects = new Set<string>()
  readonly #begun = new Map<string, Promise<void>>()
  /** What an earlier life of this node left has been read. */
  readonly ready: Promise<void>

  constructor(store: Store | undefined, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.ready = this.#load()
  }

  /** True for a job that was at work when this node last ended without a word. */
  isSuspect(job: string): boolean {
    return this.#suspects.has(job)
  }

  /** Resolves when the mark is on disk: nothing of the job may run before. */
  begin(job: string): Promise<void> {
    const begun = this.#write({ table: TABLE, key: job, value: this.#clock.wall() })
    this.#begun.set(job, begun)
    return begun
  }

  /** A suspect's mark stays for the next life too. */
  async end(job: string): Promise<void> {
    const begun = this.#begun.get(job)
    this.#begun.delete(job)
    if (begun === undefined) return
    await begun
    await this.#write({ table: TABLE, key: job, remove: true })
  }

  async #load(): Promise<void> {
    const entries = (await this.#store?.entries(TABLE).catch(() => [])) ?? []
    for (const [key, markedAt] of entries) {
      const isOld = typeof markedAt !== 'number' || this.#clock.wall() - markedAt > MAX_AGE_MS
      if (isOld) await this.#write({ table: TABLE, key, remove: true })
      else this.#suspects.add(String(key))
    }
  }

  async #write(write: Parameters<Store['write']>[0][number]): Promise<void> {
    try {
      await this.#store?.write([write], 'relaxed')
    } catch {
      // A full or lost store must not keep jobs from running; the data layer tells the person.
    }
  }
}
