import { type Clock, type Intervals, Listeners } from '../../base/index.ts'
import { weightOf } from '../item.ts'
import type { Live, Source } from './live.ts'
import { MAX_PAGE_ITEMS, PAGE_BYTES } from './page.ts'
import type { QueueItem } from './queue-item.ts'
import type { TxState } from './tx-state.ts'

/** Changes that wait for one slow holder; with more it is brought up to date from the start later. */
const MAX_LOG_BYTES = 16 * 1024 * 1024
/** Of a change, besides the bodies in it. */
const CHANGE_BYTES = 64
/** What its sender has on disk becomes its copy within this, or with so many others, or once anything else is to be copied. */
const PATIENCE_MS = 100
const PATIENT_CHANGES = 64

/** Until it hears that it is safe, a sender may have what it sends, in memory or in a record on its disk. */
export type KeptBySender = 'on-disk' | 'in-memory' | 'nowhere'

export interface Done {
  readonly source: Source
  readonly numbers: Intervals
  /** The consumer whose acks these were; empty where it was none's. */
  readonly by: string
}

/** Something that every copy must know. */
export interface Change {
  readonly seq: number
  readonly bytes: number
  readonly items: readonly QueueItem[]
  /** To a sender that has them they go without what it knows. */
  readonly kept: KeptBySender
  readonly done: Done | undefined
  readonly attempts: Live | undefined
  readonly tx: TxState | undefined
}

const NOTHING: Omit<Change, 'seq'> = {
  bytes: 0,
  items: [],
  kept: 'nowhere',
  done: undefined,
  attempts: undefined,
  tx: undefined,
}

/** What the copies of one queue must know, in the order in which it happened, until all of them do. */
export class CopyLog {
  readonly #clock: Clock
  readonly #news = new Listeners<[]>()
  #changes: Change[] = []
  #bytes = 0
  #seq = 0
  /** Nobody is patient with changes up to this one. */
  #urgent = 0
  #endPatience: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Of the latest change. */
  get seq(): number {
    return this.#seq
  }

  get isTooLong(): boolean {
    return this.#bytes > MAX_LOG_BYTES
  }

  close(): void {
    this.#endPatience?.()
  }

  /** Counted; kept only where somebody needs it. */
  append(change: Partial<Change>, isNeeded: boolean): void {
    this.#seq++
    if (!isNeeded) return
    const items = change.items ?? []
    const bytes = items.reduce((sum, item) => sum + weightOf(item), CHANGE_BYTES)
    this.#changes.push({ ...NOTHING, ...change, bytes, seq: this.#seq })
    this.#bytes += bytes
    if (change.kept === 'on-disk') this.#endPatience ??= this.#clock.after(PATIENCE_MS, () => this.#hurry())
    this.#news.emit()
  }

  /** Somebody waits until the copies have everything up to `seq`. */
  hurry(seq: number): void {
    if (seq > this.#urgent) this.#hurry()
  }

  /** The changes that follow `cursor`, as many as go together. */
  after(cursor: number): readonly Change[] {
    const first = this.#changes[0]?.seq ?? 0
    const found: Change[] = []
    let bytes = 0
    let count = 0
    for (let at = Math.max(0, cursor + 1 - first); at < this.#changes.length; at++) {
      const change = this.#changes[at] as Change
      bytes += change.bytes
      count += change.items.length
      if (found.length > 0 && (bytes > PAGE_BYTES || count > MAX_PAGE_ITEMS)) break
      found.push(change)
      if (found.length >= MAX_PAGE_ITEMS) break
    }
    return found
  }

  /** Whether these may go to `peer` with what comes after them: they are on its disk as what it has sent, and as safe there. */
  canWait(changes: readonly Change[], peer: string): boolean {
    const isOwn = ({ kept, items }: Change) =>
      kept === 'on-disk' && items.length > 0 && items.every(({ from }) => from === peer)
    const isUrgent = (changes[0] as Change).seq <= this.#urgent
    return !isUrgent && changes.length < PATIENT_CHANGES && changes.every(isOwn)
  }

  /** Everybody has what came up to `seq`. */
  trim(seq: number): void {
    let count = 0
    for (const change of this.#changes) {
      if (change.seq > seq) break
      this.#bytes -= change.bytes
      count++
    }
    if (count > 0) this.#changes.splice(0, count)
  }

  /** Resolves when there may be more to send; rejects with `signal.reason`. */
  more(signal: AbortSignal): Promise<void> {
    return this.#news.next(signal)
  }

  #hurry(): void {
    this.#urgent = this.#seq
    this.#endPatience?.()
    this.#endPatience = undefined
    this.#news.emit()
  }
}
