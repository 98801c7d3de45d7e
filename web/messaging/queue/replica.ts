import { GroupCommit, Intervals, Listeners, type PeerId } from '../../base/index.ts'
import type { Store, StoreWrite } from '../../storage/index.ts'
import { headersWeight } from '../item.ts'
import { instantOf } from './ages.ts'
import { DedupWindow } from './dedup.ts'
import type { Epoch } from './epoch.ts'
import { Finishers } from './finishers.ts'
import type { Live, Source } from './live.ts'
import type { AttemptsRow } from './messages.ts'
import { encodePage, inPages, type Page, pageToStore } from './page.ts'
import { PageCache } from './page-cache.ts'
import type { QueueItem } from './queue-item.ts'
import type { QueueSettings } from './settings.ts'
import { SparsePages } from './sparse-pages.ts'
import {
  TABLE_ATTEMPTS,
  TABLE_DEDUP,
  TABLE_PAGES,
  TABLE_QUEUES,
  TABLE_SOURCES,
  TABLE_TRANSACTIONS,
} from './tables.ts'
import { TxLedger } from './tx-ledger.ts'
import type { TxState } from './tx-state.ts'

/** What a message costs beside its body. */
export const MESSAGE_COST_BYTES = 128

/** Who wants the next bodies at hand: the owner that gives them out, or loops of this node that get them by number. */
export type Reader = 'owner' | 'loops'

/** What a commit made of one batch. */
type Added = { readonly lives: readonly Live[] } | { readonly failure: unknown }

/** A page that is to be written. */
interface PageDraft {
  readonly page: Page
  readonly fresh: readonly QueueItem[]
  readonly byteCount: number
  readonly writes: readonly StoreWrite[]
}

/** What was finished and counted since the last commit. */
interface Unsettled {
  readonly dirty: ReadonlySet<Source>
  readonly attempted: ReadonlySet<Live>
  readonly removes: readonly StoreWrite[]
  readonly writes: readonly StoreWrite[]
}

/** Why either part of a commit did not get to disk. */
interface Failed {
  readonly settling?: unknown
  readonly pages?: unknown
}

/**
 * One queue's messages on this device: what is in memory says which there are and in what order, bodies are on disk.
 * Messages and finishes only ever add up, so that replicas merge in any order.
 */
export class Replica {
  readonly queue: string
  readonly sources = new Map<string, Source>()
  readonly dedup: DedupWindow
  readonly transactions: TxLedger
  readonly finishers = new Finishers()
  /** More messages are on this disk. */
  readonly news = new Listeners<[]>()
  epoch: Epoch
  /** Undefined where this node obeys an owner and has heard nothing of the queue yet, and where the queue has been retired. */
  settings: QueueSettings | undefined
  /** Those of them that a user of the queue asked for. */
  explicit: Partial<QueueSettings> = {}
  count = 0
  bytes = 0
  maxOrder = 0
  readonly #store: Store
  readonly #cache: PageCache
  readonly #readers = new Set<Reader>()
  readonly #sparse = new SparsePages()
  #isCompacting = false
  #isDropped = false
  /** What comes and what is finished go to disk together. */
  readonly #commits: GroupCommit<readonly QueueItem[], Added>
  #nextPage = 1
  #dirty = new Set<Source>()
  #attempted = new Set<Live>()
  #removes: StoreWrite[] = []

  constructor(queue: string, store: Store, epoch: Epoch) {
    this.queue = queue
    this.dedup = new DedupWindow(queue)
    this.transactions = new TxLedger(queue)
    this.epoch = epoch
    this.#store = store
    this.#cache = new PageCache(store, queue)
    this.#commits = new GroupCommit((batches) => this.#commit(batches))
  }

  /** From now on somebody here takes its messages in their order, or no longer. */
  setReading(reader: Reader, isReading: boolean): void {
    if (this.#readers.has(reader) === isReading) return
    if (isReading) this.#readers.add(reader)
    else this.#readers.delete(reader)
    this.#cache.setReading(this.#readers.size > 0)
  }

  source(from: PeerId, stream: string): Source {
    const key = `${from}/${stream}`
    let source = this.sources.get(key)
    if (!source) {
      source = { key, from, stream, high: 0, done: new Intervals(), live: new Map() }
      this.sources.set(key, source)
    }
    return source
  }

  find(from: PeerId, stream: string, number: number): Live | undefined {
    return this.sources.get(`${from}/${stream}`)?.live.get(number)
  }

  /** Oldest first within each priority is the caller's business. */
  *messages(): Generator<Live, void, undefined> {
    for (const source of this.sources.values()) yield* source.live.values()
  }

  /** Keeps what is neither here nor finished; resolves with that when it is on disk. Rejects with the store's error. */
  async add(items: readonly QueueItem[]): Promise<readonly Live[]> {
    const added = await this.#commits.run(items)
    if ('failure' in added) throw added.failure
    return added.lives
  }

  /**
   * Takes effect at once; {@link settled} says when it is on disk. Gives the messages that this finished. `by`: the consumer
   * whose acks these were. Of those that are finished already it stands who did it.
   */
  finish(source: Source, done: Intervals, by = ''): readonly Live[] {
    if (by !== '') this.finishers.note(by, source.key, done.minus(source.done))
    const finished: Live[] = []
    let isNews = false
    for (const [from, to] of done) {
      isNews = source.done.add(from, to) || isNews
      this.#take(source, from, to, finished)
    }
    source.high = Math.max(source.high, done.max)
    if (isNews) this.#dirty.add(source)
    return finished
  }

  /** Ids that another copy remembers, of messages that were finished before this one knew them. */
  async rememberIds(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const writes = this.dedup.add(this.#nextPage++, ids)
    if (writes.length > 0) await this.#store.write(writes, 'relaxed')
  }

  /** Adds to what is known of a transaction; resolves when it is on disk. */
  async noteTx(state: TxState): Promise<void> {
    const writes = this.transactions.note(state)
    if (writes) await this.#store.write(writes, 'relaxed')
  }

  /** What another knows of failed attempts, in this device's time. Gives the messages of which that was news. */
  hearAttempts(rows: readonly AttemptsRow[], wall: number): readonly Live[] {
    const news: Live[] = []
    for (const [from, stream, number, attempts, waitMs] of rows) {
      const live = this.find(from, stream, number)
      if (!live || live.attempts >= attempts) continue
      this.setAttempts(live, attempts, instantOf(waitMs, wall))
      news.push(live)
    }
    return news
  }

  /** The messages that have failed attempts. */
  attempted(): readonly Live[] {
    return [...this.messages()].filter(({ attempts }) => attempts > 0)
  }

  setAttempts(live: Live, attempts: number, retryAt: number): void {
    live.attempts = attempts
    live.retryAt = retryAt
    this.#attempted.add(live)
  }

  /** Resolves when everything that was finished so far is on disk; rejects with the store's error. */
  async settled(): Promise<void> {
    if (this.#dirty.size > 0 || this.#attempted.size > 0 || this.#removes.length > 0 || this.#commits.isBusy)
      await this.#commits.run([])
  }

  /** Adopts a reign, for good. */
  async adopt(epoch: Epoch): Promise<void> {
    this.epoch = epoch
    await this.#store.write([this.#row()], 'strict')
  }

  /** Nobody uses the queue: what remains is which numbers are finished, for those who come back with copies. */
  async retire(): Promise<void> {
    this.settings = undefined
    this.explicit = {}
    await this.#store.write([this.#row()], 'relaxed')
  }

  /** As it is now. Undefined where the disk no longer has it whole. Rejects with the store's error. */
  async itemOf(live: Live): Promise<QueueItem | undefined> {
    for (;;) {
      const { page, at } = live
      const item = (await this.#cache.items(page))?.[at]
      if (item) return { ...item, order: live.order }
      // It may have moved to another page while that one was read.
      if (live.page === page) return undefined
    }
  }

  /** Removes all of it from this device. */
  async drop(): Promise<void> {
    this.#isDropped = true
    const range = { from: [this.queue], to: [this.queue, '\uffff'] } as const
    await this.#store.write(
      [
        { table: TABLE_QUEUES, key: this.queue, remove: true },
        ...[TABLE_PAGES, TABLE_SOURCES, TABLE_ATTEMPTS, TABLE_DEDUP, TABLE_TRANSACTIONS].map(
          (table): StoreWrite => ({ table, range, remove: true }),
        ),
      ],
      'relaxed',
    )
  }

  /** What lay on disk: called for each of its rows before anything else. */
  restorePage(id: number, items: readonly QueueItem[]): void {
    this.#nextPage = Math.max(this.#nextPage, id + 1)
    const page = newPage(id, items)
    for (const [at, item] of items.entries()) {
      const source = this.source(item.from, item.stream)
      if (!source.done.has(item.number) && !source.live.has(item.number)) this.#index(item, page, at)
    }
    if (page.live === 0) this.#removes.push({ table: TABLE_PAGES, key: [this.queue, id], remove: true })
    this.#sparse.note(page)
  }

  restoreDedup(page: number, ids: readonly string[]): void {
    this.#nextPage = Math.max(this.#nextPage, page + 1)
    this.dedup.restore(page, ids)
  }

  restoreSource(source: Source, high: number, done: Intervals): void {
    source.done.addAll(done)
    source.high = Math.max(source.high, high, done.max)
  }

  #row(): StoreWrite {
    const { number, owner } = this.epoch
    return {
      table: TABLE_QUEUES,
      key: this.queue,
      value: { epoch: [number, owner], settings: this.settings, explicit: this.explicit },
    }
  }

  async #commit(batches: readonly (readonly QueueItem[])[]): Promise<readonly Added[]> {
    const taken = new Set<string>()
    const drafts = batches.map((items) => this.#draft(items, taken))
    const failed = await this.#write(
      this.#takeUnsettled(),
      drafts.flatMap((draft) => draft?.writes ?? []),
    )
    void this.#compactAll()
    const added = drafts.map((draft): Added => {
      if (!draft) return 'settling' in failed ? { failure: failed.settling } : { lives: [] }
      if (!('pages' in failed)) return { lives: this.#keep(draft) }
      this.dedup.withdraw(draft.page.id)
      return { failure: failed.pages }
    })
    this.news.emit()
    return added
  }

  /** In one transaction; where that fails apart, since what makes room must not fail with what needs it. */
  async #write(settling: Unsettled, pages: readonly StoreWrite[]): Promise<Failed> {
    const all = [...settling.writes, ...pages]
    const failure = await this.#tryWrite(all)
    if (!failure) return {}
    if (settling.writes.length === 0) return { pages: failure.reason }
    const ofSettling = all.length > settling.writes.length ? await this.#tryWrite(settling.writes) : failure
    if (ofSettling) {
      this.#putBack(settling)
      return { settling: ofSettling.reason, pages: ofSettling.reason }
    }
    const ofPages = await this.#tryWrite(pages)
    return ofPages ? { pages: ofPages.reason } : {}
  }

  async #tryWrite(writes: readonly StoreWrite[]): Promise<{ readonly reason: unknown } | undefined> {
    if (writes.length === 0) return undefined
    return this.#store.write(writes, 'relaxed').then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    )
  }

  /** A page of what is neither here nor in `taken`. */
  #draft(items: readonly QueueItem[], taken: Set<string>): PageDraft | undefined {
    const fresh = items.filter((item) => this.#isNew(item, taken))
    if (fresh.length === 0) return undefined
    const page = newPage(this.#nextPage++, fresh)
    const bytes = encodePage(fresh)
    const dedupIds = fresh.flatMap(({ tags }) => tags.dedupId ?? [])
    const writes: StoreWrite[] = [this.#pageWrite(page, bytes), ...this.dedup.add(page.id, dedupIds)]
    return { page, fresh, byteCount: bytes.byteLength, writes }
  }

  #keep({ page, fresh, byteCount }: PageDraft): readonly Live[] {
    const lives = fresh.flatMap((item, at) => this.#index(item, page, at) ?? [])
    this.#cache.remember(page, fresh, byteCount)
    return lives
  }

  #isNew(item: QueueItem, taken: Set<string>): boolean {
    const source = this.source(item.from, item.stream)
    const key = `${source.key}/${item.number}`
    if (source.done.has(item.number) || source.live.has(item.number) || taken.has(key)) return false
    taken.add(key)
    return true
  }

  #index(item: QueueItem, page: Page, at: number): Live | undefined {
    const { number, order, priority, sentAt, expiresAt, deliverAt, headers, tags } = item
    const source = this.source(item.from, item.stream)
    source.high = Math.max(source.high, number)
    this.maxOrder = Math.max(this.maxOrder, order)
    // Finished while it was written: a merge brought both.
    if (source.done.has(number)) return undefined
    const size = sizeOf(item)
    const times = { sentAt, expiresAt, deliverAt }
    const live: Live = {
      source,
      number,
      order,
      priority,
      ...times,
      size,
      headers,
      tags,
      page,
      at,
      attempts: 0,
      retryAt: 0,
      copySeq: 0,
    }
    source.live.set(number, live)
    this.transactions.index(live)
    this.#place(live, page, at)
    this.count++
    this.bytes += size
    return live
  }

  #take(source: Source, from: number, to: number, finished: Live[]): void {
    // A purge may name more numbers than there are messages.
    const numbers = to - from < source.live.size ? range(from, to) : [...source.live.keys()]
    for (const number of numbers) {
      const live = number >= from && number <= to ? source.live.get(number) : undefined
      if (!live) continue
      source.live.delete(number)
      this.count--
      this.bytes -= live.size
      finished.push(live)
      this.#forgetTx(live)
      if (live.attempts > 0)
        this.#removes.push({ table: TABLE_ATTEMPTS, key: this.#attemptsKey(live), remove: true })
      this.#displace(live)
    }
  }

  /** A message of a transaction that came to nothing may be sent again with the same id. */
  #forgetTx(live: Live): void {
    const { tx, dedupId } = live.tags
    if (tx === undefined) return
    if (dedupId !== undefined && !this.transactions.isVisible(live))
      this.#removes.push(...this.dedup.forget(dedupId))
    this.transactions.forget(live)
  }

  #place(live: Live, page: Page, at: number): void {
    live.page = page
    live.at = at
    page.liveBytes += live.size
    if (page.live++ === 0) this.#cache.add(page)
  }

  /** Its page goes with its last message. */
  #displace({ page, size }: Live): void {
    page.live--
    page.liveBytes -= size
    this.#sparse.note(page)
    if (page.live > 0) return
    this.#removes.push({ table: TABLE_PAGES, key: [this.queue, page.id], remove: true })
    this.#cache.delete(page)
  }

  /** Where little is left of many pages, that little moves together, while all goes on. */
  async #compactAll(): Promise<void> {
    if (this.#isCompacting) return
    this.#isCompacting = true
    for (let pages = this.#sparse.take(); pages.length > 0; pages = this.#sparse.take()) {
      await this.#compact(pages).catch(() => {
        // The disk fails: they stay as they are, until more of them is finished.
      })
    }
    this.#isCompacting = false
  }

  async #compact(pages: readonly Page[]): Promise<void> {
    const left: { readonly live: Live; readonly item: QueueItem }[] = []
    const emptied: Page[] = []
    for (const page of pages) {
      const items = await this.#cache.peek(page)
      if (items) emptied.push(page)
      for (const item of items ?? []) {
        const live = this.find(item.from, item.stream, item.number)
        if (live?.page === page) left.push({ live, item: { ...item, order: live.order } })
      }
    }
    const full = inPages(left, ({ live }) => live.size + headersWeight(live.headers)).map((part) => {
      const items = part.map(({ item }) => item)
      return { page: newPage(this.#nextPage++, items), part, items }
    })
    if (this.#isDropped) return
    await this.#store.write(
      [
        ...full.map(({ page, items }) => this.#pageWrite(page, encodePage(items))),
        ...emptied.map(
          (page): StoreWrite => ({ table: TABLE_PAGES, key: [this.queue, page.id], remove: true }),
        ),
      ],
      'relaxed',
    )
    for (const { page, part } of full)
      this.#move(
        part.map(({ live }) => live),
        page,
      )
  }

  /** Less what was finished meanwhile. */
  #move(lives: readonly Live[], page: Page): void {
    for (const [at, live] of lives.entries()) {
      if (live.source.live.get(live.number) !== live) continue
      this.#displace(live)
      this.#place(live, page, at)
    }
    if (page.live === 0) this.#removes.push({ table: TABLE_PAGES, key: [this.queue, page.id], remove: true })
  }

  #pageWrite(page: Page, bytes: Uint8Array<ArrayBuffer>): StoreWrite {
    return { table: TABLE_PAGES, key: [this.queue, page.id], value: pageToStore(bytes) }
  }

  #takeUnsettled(): Unsettled {
    const [dirty, attempted, removes] = [this.#dirty, this.#attempted, this.#removes]
    this.#dirty = new Set()
    this.#attempted = new Set()
    this.#removes = []
    const writes: StoreWrite[] = [...removes]
    for (const source of dirty) {
      const key = [this.queue, source.from, source.stream]
      writes.push({ table: TABLE_SOURCES, key, value: { high: source.high, done: source.done.toArray() } })
    }
    for (const live of attempted) {
      if (live.source.live.get(live.number) === live)
        writes.push({
          table: TABLE_ATTEMPTS,
          key: this.#attemptsKey(live),
          value: [live.attempts, live.retryAt],
        })
    }
    return { dirty, attempted, removes, writes }
  }

  #putBack({ dirty, attempted, removes }: Unsettled): void {
    for (const source of dirty) this.#dirty.add(source)
    for (const live of attempted) this.#attempted.add(live)
    this.#removes.push(...removes)
  }

  #attemptsKey({ source, number }: Live): readonly (string | number)[] {
    return [this.queue, source.from, source.stream, number]
  }
}

/** Nothing of it is live yet. */
function newPage(id: number, items: readonly QueueItem[]): Page {
  return { id, live: 0, liveBytes: 0, bytes: items.reduce((sum, item) => sum + sizeOf(item), 0) }
}

function sizeOf({ body }: QueueItem): number {
  return body.byteLength + MESSAGE_COST_BYTES
}

function* range(from: number, to: number): Generator<number, void, undefined> {
  for (let number = from; number <= to; number++) yield number
}
