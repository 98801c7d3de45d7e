import type { Page } from './page.ts'

/** A page of which no more than this share is left wastes the rest. */
const SPARSE_SHARE = 1 / 4
/** Sparse pages are worth a rewrite from so many bytes on, and are rewritten by so many at a time. */
const WORTH_BYTES = 1024 * 1024
const ROUND_BYTES = 4 * 1024 * 1024

/** Pages of which little is left, as where a selector leaves one message in many: together they fit into fewer. */
export class SparsePages {
  readonly #pages = new Set<Page>()
  #bytes = 0

  /** Something of it was finished. */
  note(page: Page): void {
    const isSparse = page.live > 0 && page.liveBytes <= page.bytes * SPARSE_SHARE
    if (isSparse === this.#pages.has(page)) return
    if (isSparse) this.#pages.add(page)
    else this.#pages.delete(page)
    this.#bytes += isSparse ? page.bytes : -page.bytes
  }

  /** Those that are to be rewritten now; none while it is not worth the work. */
  take(): readonly Page[] {
    if (this.#bytes < WORTH_BYTES) return []
    const taken: Page[] = []
    let bytes = 0
    for (const page of this.#pages) {
      if (bytes >= ROUND_BYTES) break
      taken.push(page)
      bytes += page.bytes
      this.#pages.delete(page)
    }
    this.#bytes -= bytes
    return taken
  }
}
