import { type Clock, type PeerId, sleep } from '../../base/index.ts'
import { RemoteError } from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import type { Epoch } from './epoch.ts'
import { Intervals } from './intervals.ts'
import { headToWire, METHOD_COPY, type SourceState, sourceToWire } from './messages.ts'
import { MAX_PAGE_ITEMS } from './page.ts'
import { itemToWire, type QueueItem } from './queue-item.ts'
import { type Merge, mergeFrom } from './reconcile.ts'
import { type Live, PAGE_BYTES, type Replica, type Source } from './replica.ts'
import type { QueueSettings } from './settings.ts'
import { stampsToWire } from './stamp.ts'
import { type TxState, txToWire } from './tx-state.ts'

const REQUEST_MS = 5_000
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 4_000
/** Copies to one holder that are not confirmed yet. */
const MAX_UNDER_WAY = 4
/** Changes that wait for one slow holder; with more it is brought up to date from the start later. */
const MAX_LOG_BYTES = 16 * 1024 * 1024
/** What its sender has on disk becomes its copy within this, or with so many others, or once anything else is to be copied. */
const PATIENCE_MS = 100
const PATIENT_CHANGES = 64

/** Until it hears that it is safe, a sender may have what it sends, in memory or in a record on its disk. */
export type KeptBySender = 'on-disk' | 'in-memory' | 'nowhere'

/** Something that every copy must know, in the order in which it happened. */
interface Change {
  readonly seq: number
  readonly bytes: number
  readonly items: readonly QueueItem[]
  /** To a sender that has them they go without what it knows. */
  readonly kept: KeptBySender
  readonly done: { readonly source: Source; readonly numbers: Intervals } | undefined
  readonly attempts: Live | undefined
  readonly tx: TxState | undefined
}

const NOTHING: Omit<Change, 'seq'> = {
  bytes: 64,
  items: [],
  kept: 'nowhere',
  done: undefined,
  attempts: undefined,
  tx: undefined,
}

interface Holder {
  readonly peer: PeerId
  readonly sessionId: string
  readonly controller: AbortController
  /** It has every change up to this one; undefined while it is brought up to date. */
  cursor: number | undefined
  /** While it is brought up to date: it will have every change up to this one. */
  base: number | undefined
  /** It does not answer: senders no longer wait for it. */
  isSilent: boolean
}

/** A copy that was sent and is not confirmed. */
class UnderWay {
  readonly seq: number
  readonly done: Promise<void>
  isDone = false

  constructor(seq: number, done: Promise<void>) {
    this.seq = seq
    this.done = done.then(() => {
      this.isDone = true
    })
    this.done.catch(() => {
      // Whoever waits for the first of them is told; the others fail with it.
    })
  }
}

/** What a holder is told once: it keeps it with what comes later. */
interface FirstCopy {
  readonly settings: Readonly<Record<string, Value>> | null
  readonly explicit: Readonly<Record<string, Value>> | null
  readonly dedup: readonly string[]
}

const LATER_COPY: FirstCopy = { settings: null, explicit: null, dedup: [] }

/** What goes to a holder at once. */
interface Copy {
  readonly items: readonly QueueItem[]
  /** Of messages that the holder has sent: its outbox has the rest of them. */
  readonly own: readonly QueueItem[]
  readonly done: readonly SourceState[]
  readonly attempts: readonly Live[]
  readonly transactions: readonly TxState[]
  readonly first: FirstCopy
}

const EMPTY_COPY: Copy = {
  items: [],
  own: [],
  done: [],
  attempts: [],
  transactions: [],
  first: LATER_COPY,
}

interface Waiter {
  readonly seq: number
  /** Fewer will do. */
  readonly copies: number
  resolve(copies: number): void
  reject(reason: MessagingError): void
}

export interface ReplicationEvents {
  /** Somebody obeys a newer owner. */
  onFenced(): void
  /** A holder brought messages, or knew that some are finished. */
  onMerged(merge: Merge): void
}

/** Keeps the copies of one queue like its owner's. */
export class Replication {
  readonly #replica: Replica
  readonly #settings: QueueSettings
  readonly #epoch: Epoch
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #events: ReplicationEvents
  readonly #holders = new Map<PeerId, Holder>()
  #log: Change[] = []
  #logBytes = 0
  #seq = 0
  /** Nobody is patient with changes up to this one. */
  #urgent = 0
  #endPatience: (() => void) | undefined
  #waiters: Waiter[] = []
  #wakes = new Set<() => void>()
  #isFinal = false
  #isClosed = false

  constructor(
    replica: Replica,
    settings: QueueSettings,
    epoch: Epoch,
    calls: Calls,
    clock: Clock,
    events: ReplicationEvents,
  ) {
    this.#replica = replica
    this.#settings = settings
    this.#epoch = epoch
    this.#calls = calls
    this.#clock = clock
    this.#events = events
  }

  get seq(): number {
    return this.#seq
  }

  get holders(): readonly PeerId[] {
    return [...this.#holders.keys()]
  }

  /** Who keeps copies from now on; `isFinal` unless somebody has just come of whom it is not known yet whether it can. */
  setHolders(
    holders: readonly { readonly peerId: PeerId; readonly sessionId: string }[],
    isFinal: boolean,
  ): void {
    this.#isFinal = isFinal
    const wanted = new Map(holders.map((holder) => [holder.peerId, holder.sessionId]))
    for (const holder of [...this.#holders.values()]) {
      if (wanted.get(holder.peer) !== holder.sessionId) this.#remove(holder)
    }
    for (const { peerId, sessionId } of holders) {
      if (this.#holders.has(peerId)) continue
      const controller = new AbortController()
      const holder: Holder = {
        peer: peerId,
        sessionId,
        controller,
        cursor: undefined,
        base: undefined,
        isSilent: false,
      }
      this.#holders.set(peerId, holder)
      void this.#run(holder)
    }
    this.#wakeWaiters()
  }

  /** Those that do not answer now. */
  get silent(): ReadonlySet<PeerId> {
    return new Set([...this.#holders.values()].filter(({ isSilent }) => isSilent).map(({ peer }) => peer))
  }

  /** Whether this member and the owner are all that have to keep a copy, and it is up to date but for what is under way. */
  isOnlyOther(peer: PeerId): boolean {
    const holder = this.#holders.get(peer)
    return this.#holders.size === 1 && holder?.cursor !== undefined && this.#settings.copies === 2
  }

  logItems(items: readonly QueueItem[], kept: KeptBySender = 'nowhere'): void {
    const bytes = items.reduce((sum, item) => sum + item.body.byteLength, 0)
    if (kept === 'on-disk') this.#endPatience ??= this.#clock.after(PATIENCE_MS, () => this.#hurry())
    this.#append({ ...NOTHING, bytes, items, kept })
  }

  logDone(source: Source, numbers: Intervals): void {
    this.#append({ ...NOTHING, done: { source, numbers } })
  }

  logAttempts(live: Live): void {
    this.#append({ ...NOTHING, attempts: live })
  }

  logTx(tx: TxState): void {
    this.#append({ ...NOTHING, tx })
  }

  /** Resolves with the copies there are, this node's included, when those that there should be have everything up to `seq`. */
  reached(seq: number, copies = Number.POSITIVE_INFINITY): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(notOwner())
      this.#waiters.push({ seq, copies, resolve, reject })
      if (seq > this.#urgent) this.#hurry()
      this.#wakeWaiters()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#endPatience?.()
    for (const { controller } of this.#holders.values()) controller.abort()
    this.#holders.clear()
    for (const waiter of this.#waiters.splice(0)) waiter.reject(notOwner())
  }

  #remove(holder: Holder): void {
    holder.controller.abort()
    this.#holders.delete(holder.peer)
    this.#trim()
  }

  #append(change: Omit<Change, 'seq'>): void {
    this.#seq++
    if (this.#holders.size === 0) return
    this.#log.push({ ...change, seq: this.#seq })
    this.#logBytes += change.bytes + 64
    if (this.#logBytes > MAX_LOG_BYTES) this.#leaveSlowestBehind()
    this.#wakeFeeds()
  }

  #hurry(): void {
    this.#urgent = this.#seq
    this.#endPatience?.()
    this.#endPatience = undefined
    this.#wakeFeeds()
  }

  #wakeFeeds(): void {
    for (const wake of this.#wakes) wake()
  }

  /** Its feed finds that it has no cursor and begins again. */
  #leaveSlowestBehind(): void {
    const needing = [...this.#holders.values()].filter((holder) => needs(holder) !== undefined)
    const slowest = needing.sort((a, b) => (needs(a) as number) - (needs(b) as number))[0]
    if (slowest) {
      slowest.cursor = undefined
      slowest.base = undefined
      slowest.isSilent = true
    }
    this.#trim()
    this.#wakeWaiters()
  }

  async #run(holder: Holder): Promise<void> {
    const { signal } = holder.controller
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      try {
        await this.#bringUpToDate(holder)
        retryMs = FIRST_RETRY_MS
        await this.#feed(holder)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof RemoteError && error.code === 'stale-epoch') return this.#events.onFenced()
        holder.cursor = undefined
        holder.base = undefined
        holder.isSilent = true
        this.#trim()
        this.#wakeWaiters()
        await sleep(this.#clock, retryMs, signal).catch(() => {
          // It is no holder any more; the loop ends.
        })
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
      }
    }
  }

  /** Both ways: what it has comes here, what it lacks goes there. What happens meanwhile is in the log. */
  async #bringUpToDate(holder: Holder): Promise<void> {
    const { signal } = holder.controller
    const merge = await mergeFrom(holder.peer, this.#replica, this.#epoch, this.#calls, signal)
    this.#events.onMerged(merge)
    holder.base = this.#seq
    const held = new Map(merge.summary.sources.map((state) => [`${state.from}/${state.stream}`, state.have]))
    await this.#sendDone(holder)
    for (const lives of this.#pagesOf(held)) await this.#sendLives(holder, lives)
    // Undefined when it was too slow: then it begins again.
    holder.cursor = holder.base
    holder.base = undefined
    holder.isSilent = false
    this.#trim()
    this.#wakeWaiters()
  }

  #sendDone(holder: Holder): Promise<void> {
    const sources = [...this.#replica.sources.values()].map(({ from, stream, high, done }) => ({
      from,
      stream,
      high,
      done,
      have: new Intervals(),
    }))
    const transactions = this.#replica.transactions.all()
    const head = { settings: { ...this.#settings }, explicit: { ...this.#replica.explicit } }
    const first = { ...head, dedup: this.#replica.dedup.all() }
    return this.#send(holder, { done: sources, transactions, first })
  }

  #pagesOf(held: ReadonlyMap<string, Intervals>): Live[][] {
    const missing = [...this.#replica.messages()].filter(
      (live) => !held.get(live.source.key)?.has(live.number),
    )
    const pages: Live[][] = []
    let bytes = Number.POSITIVE_INFINITY
    for (const live of missing) {
      const page = pages.at(-1)
      if (!page || page.length >= MAX_PAGE_ITEMS || bytes + live.size > PAGE_BYTES) {
        pages.push([live])
        bytes = live.size
      } else {
        page.push(live)
        bytes += live.size
      }
    }
    return pages
  }

  async #sendLives(holder: Holder, lives: readonly Live[]): Promise<void> {
    const items: QueueItem[] = []
    for (const live of lives) {
      const item = (await this.#replica.items(live.page))?.[live.at]
      // Finished meanwhile, or damaged here: others may have it.
      if (item && live.source.live.get(live.number) === live) items.push({ ...item, order: live.order })
    }
    await this.#send(holder, { items, attempts: lives.filter((live) => live.attempts > 0) })
  }

  /** Several copies are under way at once: what they say adds up in any order, what is confirmed counts in theirs. */
  async #feed(holder: Holder): Promise<void> {
    const { signal } = holder.controller
    const underWay: UnderWay[] = []
    let sent = holder.cursor as number
    while (holder.cursor !== undefined && !signal.aborted) {
      const changes = underWay.length < MAX_UNDER_WAY ? this.#after(sent) : []
      const last = changes.at(-1)
      if (last && !this.#canWait(changes, holder)) {
        underWay.push(new UnderWay(last.seq, this.#sendChanges(holder, changes)))
        sent = last.seq
        continue
      }
      const first = underWay[0]
      await (first ? Promise.race([first.done, this.#more(signal)]) : this.#more(signal))
      while (underWay[0]?.isDone) this.#advance(holder, (underWay.shift() as UnderWay).seq)
    }
  }

  #sendChanges(holder: Holder, changes: readonly Change[]): Promise<void> {
    const items: QueueItem[] = []
    const own: QueueItem[] = []
    for (const change of changes)
      for (const item of change.items)
        (change.kept !== 'nowhere' && item.from === holder.peer ? own : items).push(item)
    const attempts = changes.flatMap((change) => change.attempts ?? [])
    const transactions = changes.flatMap((change) => change.tx ?? [])
    return this.#send(holder, { items, own, done: mergeDone(changes), attempts, transactions })
  }

  /** All of it is on the holder's disk as what it has sent: it is as safe there, and nobody waits for it to be a copy. */
  #canWait(changes: readonly Change[], { peer }: Holder): boolean {
    const isOwn = ({ kept, items }: Change) =>
      kept === 'on-disk' && items.length > 0 && items.every(({ from }) => from === peer)
    const isUrgent = (changes[0] as Change).seq <= this.#urgent
    return !isUrgent && changes.length < PATIENT_CHANGES && changes.every(isOwn)
  }

  #advance(holder: Holder, seq: number): void {
    if (holder.cursor === undefined) return
    holder.cursor = seq
    holder.isSilent = false
    this.#trim()
    this.#wakeWaiters()
  }

  #after(cursor: number): readonly Change[] {
    const first = this.#log[0]?.seq ?? 0
    const changes: Change[] = []
    let bytes = 0
    let count = 0
    for (let at = Math.max(0, cursor + 1 - first); at < this.#log.length; at++) {
      const change = this.#log[at] as Change
      bytes += change.bytes
      count += change.items.length
      if (changes.length > 0 && (bytes > PAGE_BYTES || count > MAX_PAGE_ITEMS)) break
      changes.push(change)
      if (changes.length >= MAX_PAGE_ITEMS) break
    }
    return changes
  }

  async #send(holder: Holder, copy: Partial<Copy>): Promise<void> {
    const { items, own, done, attempts, transactions, first } = { ...EMPTY_COPY, ...copy }
    const bytes = items.reduce((sum, item) => sum + item.body.byteLength, first.dedup.length * 32)
    const body: Value = {
      ...headToWire(this.#replica.queue, this.#epoch),
      ...first,
      items: items.map(itemToWire),
      own: stampsToWire(own),
      done: done.map(sourceToWire),
      tx: transactions.map(txToWire),
      attempts: attempts.map((live) => [live.source.from, live.source.stream, live.number, live.attempts]),
    }
    const { signal } = holder.controller
    await this.#calls.request(holder.peer, METHOD_COPY, body, { timeoutMs: REQUEST_MS, signal, bytes })
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#wakes.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#wakes.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /** What nobody needs any more is forgotten. */
  #trim(): void {
    const least = Math.min(this.#seq, ...[...this.#holders.values()].flatMap((holder) => needs(holder) ?? []))
    while (this.#log.length > 0 && (this.#log[0] as Change).seq <= least)
      this.#logBytes -= (this.#log.shift() as Change).bytes + 64
  }

  #wakeWaiters(): void {
    const all = [...this.#holders.values()]
    const counted = all.filter(({ isSilent }) => !isSilent)
    const needed = Math.min(this.#settings.copies, 1 + counted.length)
    const cursors = counted.map(({ cursor }) => cursor ?? -1).sort((a, b) => b - a)
    const copiesOf = (seq: number) => 1 + cursors.filter((cursor) => cursor >= seq).length
    // With too few, one that has just come is waited for.
    const isTooFew = !this.#isFinal && needed < this.#settings.copies
    const isReady = ({ seq, copies }: Waiter) =>
      copiesOf(seq) >= (isTooFew ? copies : Math.min(copies, needed))
    const ready = this.#waiters.filter(isReady)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { seq, resolve } of ready) resolve(copiesOf(seq))
  }
}

/** The changes after this one have to reach it; undefined when it will begin from the start. */
function needs({ cursor, base }: Holder): number | undefined {
  return cursor ?? base
}

function mergeDone(changes: readonly Change[]): readonly SourceState[] {
  const bySource = new Map<Source, Intervals>()
  for (const { done } of changes) {
    if (!done) continue
    const numbers = bySource.get(done.source) ?? new Intervals()
    numbers.addAll(done.numbers)
    bySource.set(done.source, numbers)
  }
  return [...bySource].map(([{ from, stream, high }, done]) => ({
    from,
    stream,
    high,
    done,
    have: new Intervals(),
  }))
}

function notOwner(): MessagingError {
  return new MessagingError('not-owner', 'this member does not own the queue any more')
}
