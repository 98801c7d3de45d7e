import { type Clock, GroupCommit, Listeners, type PeerId, TabmeshError } from '../base/index.ts'
import type { Store, StoreWrite } from '../storage/index.ts'
import { MessagingError } from './errors.ts'
import type { Headers } from './item.ts'
import { type Kept, keptBytes, keptWrite, TABLE_OUTBOX, TABLE_STREAM } from './kept.ts'
import type { Places } from './places.ts'
import { storeFailure } from './store-failure.ts'
import type { StoredWaits } from './stored-waits.ts'

/** Messages that nobody else has yet, and their bytes: beyond it `publish` is refused. */
export const MAX_PENDING = 2_000
const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** Messages of one transaction. */
const MAX_COMMIT = 200

/** The stream of own messages as it lay on disk. */
export interface OutboxState {
  readonly stream: string
  readonly next: number
  readonly lastAt: number
  /** Own kept messages, in the order of their numbers. */
  readonly own: readonly Kept[]
  readonly pending: ReadonlySet<number>
}

/**
 * Own messages of topics with history: numbered, committed together with their outbox entries, and remembered as pending
 * until one other peer has them on disk.
 */
export class Outbox {
  readonly stream: string
  readonly #self: PeerId
  readonly #store: Store
  readonly #clock: Clock
  readonly #pending = new Map<number, Kept>()
  readonly #places: Places
  readonly #waits: StoredWaits
  /** One that is too large for what is left on the disk does not take the others with it. */
  readonly #commits = new GroupCommit<Kept, Kept>((drafts) => this.#commit(drafts), {
    bound: { most: MAX_COMMIT, weightOf: () => 1 },
    isSplitBy: () => true,
  })
  readonly #committed = new Listeners<[]>()
  readonly #onDelivered: (kept: readonly Kept[]) => void
  #own: Kept[]
  #next: number
  #lastCommitted: number
  #pendingBytes = 0

  constructor(
    self: PeerId,
    store: Store,
    clock: Clock,
    places: Places,
    waits: StoredWaits,
    state: OutboxState,
    onDelivered: (kept: readonly Kept[]) => void,
  ) {
    this.#self = self
    this.#store = store
    this.#clock = clock
    this.#places = places
    this.#waits = waits
    this.stream = state.stream
    this.#next = state.next
    this.#lastCommitted = state.next - 1
    this.#own = [...state.own]
    this.#onDelivered = onDelivered
    for (const kept of this.#own) if (state.pending.has(kept.number)) this.#addPending(kept)
  }

  get pendingCount(): number {
    return this.#pending.size + this.#commits.waiting
  }

  isPending(kept: Kept): boolean {
    return kept.from === this.#self && kept.stream === this.stream && this.#pending.has(kept.number)
  }

  /** Resolves when message and outbox entry are on disk; rejects with a MessagingError. */
  publish(topic: string, body: Uint8Array<ArrayBuffer>, headers: Headers, name: string): Promise<Kept> {
    if (this.#pendingBytes + body.byteLength > MAX_PENDING_BYTES || this.pendingCount >= MAX_PENDING) {
      const message = `${this.pendingCount} messages wait for somebody to take them: this device keeps no more until another peer is here.`
      return Promise.reject(new MessagingError('outbox-full', message))
    }
    const sentAt = this.#clock.wall()
    const at = this.#places.next()
    const number = this.#next++
    const kept: Kept = {
      number,
      topic,
      sentAt,
      ...(at === sentAt ? {} : { place: at }),
      at,
      body,
      headers,
      from: this.#self,
      stream: this.stream,
      name,
    }
    return this.#commits.run(kept)
  }

  /** Where a peer that does not know this stream begins: before the first message that nobody has. */
  get floor(): number {
    const first = Math.min(...this.#pending.keys())
    return Number.isFinite(first) ? first - 1 : this.#lastCommitted
  }

  /** Own kept messages with a higher number, in order, up to these bounds but at least one if there is one. */
  after(number: number, maxItems: number, maxBytes: number): readonly Kept[] {
    let at = this.#own.length
    while (at > 0 && (this.#own[at - 1] as Kept).number > number) at--
    const found: Kept[] = []
    let bytes = 0
    for (; at < this.#own.length && found.length < maxItems; at++) {
      const kept = this.#own[at] as Kept
      bytes += keptBytes(kept)
      if (found.length > 0 && bytes > maxBytes) break
      found.push(kept)
    }
    return found
  }

  /** Resolves when new messages are on disk; rejects with `signal.reason`. */
  nextCommit(signal: AbortSignal): Promise<void> {
    return this.#committed.next(signal)
  }

  /** A peer has everything up to this number on disk. */
  storedUpTo(number: number, peer: PeerId): void {
    const delivered = [...this.#pending].filter(([pending]) => pending <= number)
    this.#waits.mark(peer, number)
    if (delivered.length === 0) return
    for (const [pending, kept] of delivered) {
      this.#pending.delete(pending)
      this.#pendingBytes -= kept.body.byteLength
    }
    this.#onDelivered(delivered.map(([, kept]) => kept))
    const removes = delivered.map(([key]): StoreWrite => ({ table: TABLE_OUTBOX, key, remove: true }))
    this.#store.write(removes, 'relaxed').catch(() => {
      // An entry that stays is offered once more after a reload, and its receivers know it by its number.
    })
  }

  /** History no longer has room for these. */
  forget(trimmed: readonly Kept[]): void {
    const gone = new Set(trimmed)
    if (trimmed.some((kept) => kept.from === this.#self))
      this.#own = this.#own.filter((kept) => !gone.has(kept))
  }

  async #commit(drafts: readonly Kept[]): Promise<readonly Kept[]> {
    const writes: StoreWrite[] = drafts.flatMap((kept) => [
      keptWrite(kept),
      { table: TABLE_OUTBOX, key: kept.number, value: true },
    ])
    const last = drafts.at(-1) as Kept
    writes.push({ table: TABLE_STREAM, key: 'self', value: streamRow(this.stream, last.number + 1, last.at) })
    try {
      await this.#write(writes)
    } catch (error) {
      throw storeFailure(error)
    }
    for (const kept of drafts) {
      this.#own.push(kept)
      this.#addPending(kept)
      this.#lastCommitted = kept.number
    }
    this.#committed.emit()
    return drafts
  }

  /** A lost handle leaves open whether the write took effect; the same rows again do no harm. */
  async #write(writes: readonly StoreWrite[]): Promise<void> {
    try {
      await this.#store.write(writes, 'strict')
    } catch (error) {
      if (!(error instanceof TabmeshError && error.code === 'lost')) throw error
      await this.#store.write(writes, 'strict')
    }
  }

  #addPending(kept: Kept): void {
    this.#pending.set(kept.number, kept)
    this.#pendingBytes += kept.body.byteLength
  }
}

export function streamRow(stream: string, next: number, lastAt: number): unknown {
  return { stream, next, lastAt }
}
