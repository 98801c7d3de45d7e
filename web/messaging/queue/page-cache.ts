import type { Store } from '../../storage/index.ts'
import { decodePage, MAX_PAGE_ITEMS, type Page, pageFromStore } from './page.ts'
import type { QueueItem } from './queue-item.ts'
import { TABLE_PAGES } from './tables.ts'

/** Bytes of pages whose bodies are in memory: the next that will be wanted. */
const CACHE_BYTES = 8 * 1024 * 1024
/** With less at hand the next page is read. */
const READ_AHEAD_BYTES = 6 * 1024 * 1024

interface Cached {
  readonly items: readonly QueueItem[]
  readonly bytes: number
}

/** The pages of one queue on this disk; while this node gives them out, the bodies that come next are at hand. */
export class PageCache {
  readonly #store: Store
  readonly #queue: string
  readonly #cached = new Map<Page, Cached>()
  /** Those with live messages, in the order of their coming. */
  readonly #pages = new Set<Page>()
  #isReading = false
  #isReadingAhead = false
  #bytes = 0

  constructor(store: Store, queue: string) {
    this.#store = store
    this.#queue = queue
  }

  setReading(isReading: boolean): void {
    this.#isReading = isReading
    if (isReading) void this.#readAhead()
    else {
      this.#cached.clear()
      this.#bytes = 0
    }
  }

  /** It has its first live message. */
  add(page: Page): void {
    this.#pages.add(page)
  }

  /** It has no live message any more. */
  delete(page: Page): void {
    this.#pages.delete(page)
    const cached = this.#cached.get(page)
    if (!cached) return
    this.#cached.delete(page)
    this.#bytes -= cached.bytes
    void this.#readAhead()
  }

  /** Undefined where the disk no longer has it whole. Rejects with the store's error. */
  async items(page: Page): Promise<readonly QueueItem[] | undefined> {
    const cached = this.#cached.get(page)
    if (cached) return cached.items
    const read = await this.#read(page)
    if (read) this.remember(page, read.items, read.bytes)
    return read?.items
  }

  /** The oldest pages are wanted first: a newer one that finds no room is read when its turn comes. */
  remember(page: Page, items: readonly QueueItem[], bytes: number): void {
    if (!this.#isReading || page.live === 0 || this.#cached.has(page)) return
    if (this.#bytes + bytes > CACHE_BYTES) return
    this.#cached.set(page, { items, bytes })
    this.#bytes += bytes
  }

  async #read(page: Page): Promise<Cached | undefined> {
    const bytes = pageFromStore(await this.#store.get(TABLE_PAGES, [this.#queue, page.id]))
    const items = bytes && decodePage(bytes, MAX_PAGE_ITEMS)
    return items && { items, bytes: bytes.byteLength }
  }

  /** Brings the next pages to hand while the first are given out. */
  async #readAhead(): Promise<void> {
    if (this.#isReadingAhead || !this.#isReading) return
    this.#isReadingAhead = true
    for (
      let page = this.#nextUncached();
      page && this.#bytes < READ_AHEAD_BYTES;
      page = this.#nextUncached()
    ) {
      const read = await this.#read(page).catch(() => undefined)
      if (!read || this.#bytes + read.bytes > CACHE_BYTES) break
      this.remember(page, read.items, read.bytes)
      if (!this.#cached.has(page) && page.live > 0) break
    }
    this.#isReadingAhead = false
  }

  #nextUncached(): Page | undefined {
    for (const page of this.#pages) if (!this.#cached.has(page)) return page
    return undefined
  }
}
