import type { StoreWrite } from '../../storage/index.ts'
import { TABLE_DEDUP } from './tables.ts'

/** Duplicate ids that a queue remembers (Artemis' id cache). */
export const DEDUP_WINDOW = 20_000

/** The duplicate ids of a queue's latest messages, finished ones too; on disk with the pages that brought them. */
export class DedupWindow {
  readonly #queue: string
  readonly #ids = new Set<string>()
  #rows: { readonly page: number; readonly ids: readonly string[] }[] = []

  constructor(queue: string) {
    this.#queue = queue
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  /** Oldest first. */
  all(): readonly string[] {
    return [...this.#ids]
  }

  /** What is to be written with this page: the new ids, less what falls out of the window. They are known at once. */
  add(page: number, ids: readonly string[]): readonly StoreWrite[] {
    const fresh = [...new Set(ids)].filter((id) => !this.#ids.has(id))
    if (fresh.length === 0) return []
    this.restore(page, fresh)
    const writes: StoreWrite[] = [{ table: TABLE_DEDUP, key: [this.#queue, page], value: fresh }]
    while (this.#rows.length > 1 && this.#ids.size - (this.#rows[0]?.ids.length ?? 0) >= DEDUP_WINDOW) {
      const oldest = this.#rows.shift()
      for (const id of oldest?.ids ?? []) this.#ids.delete(id)
      writes.push({ table: TABLE_DEDUP, key: [this.#queue, oldest?.page ?? 0], remove: true })
    }
    return writes
  }

  /** The page did not get to disk: its ids have not come. */
  withdraw(page: number): void {
    for (const row of this.#rows) if (row.page === page) for (const id of row.ids) this.#ids.delete(id)
    this.#rows = this.#rows.filter((row) => row.page !== page)
  }

  /** As if it had never come; what is to be written. */
  forget(id: string): readonly StoreWrite[] {
    const row = this.#ids.delete(id) ? this.#rows.find(({ ids }) => ids.includes(id)) : undefined
    if (!row) return []
    const rest = { page: row.page, ids: row.ids.filter((one) => one !== id) }
    this.#rows = this.#rows.map((one) => (one === row ? rest : one))
    return [{ table: TABLE_DEDUP, key: [this.#queue, row.page], value: rest.ids }]
  }

  /** A row of the disk, in the order of their pages. */
  restore(page: number, ids: readonly string[]): void {
    this.#rows.push({ page, ids })
    for (const id of ids) this.#ids.add(id)
  }
}
