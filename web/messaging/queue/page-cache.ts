import type { Store } from '../../storage/index.ts'
import { decodePage, MAX_PAGE_ITEMS, type Page, pageFromStore } from './page.ts'
import type { QueueItem } from './queue-item.ts'
import { TABLE_PAGES } from './tables.ts'

/** Bytes of pages whose bodies are in memory: the next that will be wanted. */
const CACHE_BYTES = 8 * 1024 * 1024
/** With less at hand the next page is read: at first the lesser, then as much as was given out, up to the greater. */
const READ_AHEAD_BYTES = { first: 256 * 1024, most: 6 * 1024 * 1024 }
/** Of those that came to hand first, how many are looked at for one that is not wanted any more. */
const LOOKED_AT = 8

interface Cached {
  readonly items: readonly QueueItem[]
  readonly bytes: number
}

/**
 * The pages of one queue on this disk; while this node gives them out, the bodies that come next are at hand. What was passed
 * over and left behind, as by selectors, makes room for what is wanted.
 */
export class PageCache {
  readonly #store: Store
  readonly #queue: string
  readonly #cached = new Map<Page, Cached>()
  /** Those with live messages, by their numbers; some that have none any more. */
  #pages: Page[] = []
  #dead = 0
  #isReading = false
  #isReadingAhead = false
  #bytes = 0
  /** Of the pages that were given out since reading began. */
  #givenBytes = 0
  /** The number of the page that was wanted last: those before it were passed. */
  #wanted = 0
  /** Of the pages after the wanted one, those up to this number are at hand. */
  #readTo = 0

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
      this.#givenBytes = 0
      this.#wanted = 0
      this.#readTo = 0
    }
  }

  /** It has its first live message. */
  add(page: Page): void {
    this.#pages.splice(this.#after(page.id), 0, page)
  }

  /** It has no live message any more. */
  delete(page: Page): void {
    if (++this.#dead * 2 > this.#pages.length) {
      this.#pages = this.#pages.filter(({ live }) => live > 0)
      this.#dead = 0
    }
    // Where the bodies go out of another's copy, none is asked for here, and no page need replace this one.
    if (this.#evict(page) && page.id <= this.#wanted) void this.#readAhead()
  }

  /** Undefined where the disk no longer has it whole. Rejects with the store's error. */
  async items(page: Page): Promise<readonly QueueItem[] | undefined> {
    const isAnother = page.id !== this.#wanted
    this.#wanted = page.id
    const cached = this.#cached.get(page)
    const read = cached ?? (await this.#read(page))
    if (read && !cached) {
      this.#makeRoom(read.bytes, true)
      this.remember(page, read.items, read.bytes)
    }
    if (read && isAnother) {
      this.#givenBytes += read.bytes
    }
    return read?.items
  }

  /** As {@link items}, and nobody wants it again. */
  async peek(page: Page): Promise<readonly QueueItem[] | undefined> {
    return (this.#cached.get(page) ?? (await this.#read(page)))?.items
  }

  /** The oldest pages are wanted first: a newer one that finds no room is read when its turn comes. */
  remember(page: Page, items: readonly QueueItem[], bytes: number): void {
    if (!this.#isReading || page.live === 0 || this.#cached.has(page)) return
    this.#makeRoom(bytes, false)
    if (this.#bytes + bytes > CACHE_BYTES) return
    this.#cached.set(page, { items, bytes })
    this.#bytes += bytes
  }

  /** At the cost of what was passed; where it `must` be, of what came to hand first. */
  #makeRoom(bytes: number, must: boolean): void {
    let looked = 0
    for (const page of this.#cached.keys()) {
      if (this.#bytes + bytes <= CACHE_BYTES || (!must && looked >= LOOKED_AT)) return
      looked++
      if (must || page.id < this.#wanted) this.#evict(page)
    }
  }

  #evict(page: Page): boolean {
    const cached = this.#cached.get(page)
    if (!cached) return false
    this.#cached.delete(page)
    this.#bytes -= cached.bytes
    if (page.live > 0) this.#readTo = Math.min(this.#readTo, page.id - 1)
    return true
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
    while (this.#bytes < this.#aheadBytes()) {
      const page = this.#nextUncached()
      const read = page && (await this.#read(page).catch(() => undefined))
      if (!page || !read || this.#bytes + read.bytes > CACHE_BYTES) break
      this.remember(page, read.items, read.bytes)
      if (!this.#cached.has(page) && page.live > 0) break
    }
    this.#isReadingAhead = false
  }

  /** A loop that ends soon has little read for nothing. */
  #aheadBytes(): number {
    const { first, most } = READ_AHEAD_BYTES
    return Math.min(most, Math.max(first, this.#givenBytes))
  }

  #nextUncached(): Page | undefined {
    for (let at = this.#after(Math.max(this.#wanted, this.#readTo)); at < this.#pages.length; at++) {
      const page = this.#pages[at] as Page
      if (page.live > 0 && !this.#cached.has(page)) return page
      this.#readTo = page.id
    }
    return undefined
  }

  /** Index of the first page of a higher number. */
  #after(id: number): number {
    let low = 0
    let high = this.#pages.length
    if ((this.#pages.at(-1)?.id ?? 0) <= id) return high
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#pages[middle] as Page).id <= id) low = middle + 1
      else high = middle
    }
    return low
  }
}
