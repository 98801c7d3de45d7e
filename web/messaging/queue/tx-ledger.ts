import type { PeerId } from '../../base/index.ts'
import type { StoreWrite } from '../../storage/index.ts'
import type { Live } from './live.ts'
import { TABLE_TRANSACTIONS } from './tables.ts'
import { mergeTx, type TxState, txToWire } from './tx-state.ts'

/** Transactions that a queue remembers: decided ones that have no message here go first, the oldest before. */
export const MAX_TRANSACTIONS = 10_000
/** Transactions that are undecided, or have messages that nobody has finished: no more are taken in. */
const MAX_OPEN = 8_000

/** What one queue's replica knows of transactions, and which of its messages are theirs. */
export class TxLedger {
  readonly #queue: string
  readonly #states = new Map<string, TxState>()
  readonly #undecided = new Set<string>()
  readonly #lives = new Map<string, Set<Live>>()

  constructor(queue: string) {
    this.#queue = queue
  }

  get hasRoom(): boolean {
    return this.#undecided.size + this.#lives.size < MAX_OPEN
  }

  get(tx: string): TxState | undefined {
    return this.#states.get(tx)
  }

  all(): readonly TxState[] {
    return [...this.#states.values()]
  }

  /** Those that have prepared acks and no decision. */
  undecided(): readonly TxState[] {
    return [...this.#undecided].flatMap((tx) => this.#states.get(tx) ?? [])
  }

  /** Messages that nobody may see yet, one group a transaction. */
  *hidden(): Generator<readonly Live[], void, undefined> {
    for (const lives of this.#lives.values()) {
      const [live] = lives
      if (live && !this.isVisible(live)) yield [...lives]
    }
  }

  livesOf(coordinator: PeerId, tx: string): readonly Live[] {
    return [...(this.#lives.get(`${coordinator}/${tx}`) ?? [])]
  }

  /** Of no transaction, or of one that its sender has committed. */
  isVisible({ tags: { tx }, source }: Live): boolean {
    if (tx === undefined) return true
    const state = this.#states.get(tx)
    return state?.decision === 'commit' && state.coordinator === source.from
  }

  /** Adds to what is known; undefined where that is nothing new. */
  note(news: TxState): readonly StoreWrite[] | undefined {
    const merged = mergeTx(this.#states.get(news.tx), news)
    if (!merged) return undefined
    this.restore(merged)
    const key = [this.#queue, merged.tx]
    return [{ table: TABLE_TRANSACTIONS, key, value: txToWire(merged) }, ...this.#trim()]
  }

  restore(state: TxState): void {
    this.#states.set(state.tx, state)
    if (state.decision === undefined) this.#undecided.add(state.tx)
    else this.#undecided.delete(state.tx)
  }

  index(live: Live): void {
    const key = keyOf(live)
    if (key === undefined) return
    const lives = this.#lives.get(key) ?? new Set()
    this.#lives.set(key, lives.add(live))
  }

  forget(live: Live): void {
    const key = keyOf(live)
    const lives = key === undefined ? undefined : this.#lives.get(key)
    if (key === undefined || !lives?.delete(live)) return
    if (lives.size === 0) this.#lives.delete(key)
  }

  #trim(): StoreWrite[] {
    const writes: StoreWrite[] = []
    for (const { tx, decision, coordinator } of this.#states.values()) {
      if (this.#states.size <= MAX_TRANSACTIONS) break
      if (decision === undefined || this.#lives.has(`${coordinator}/${tx}`)) continue
      this.#states.delete(tx)
      writes.push({ table: TABLE_TRANSACTIONS, key: [this.#queue, tx], remove: true })
    }
    return writes
  }
}

function keyOf({ tags: { tx }, source }: Live): string | undefined {
  return tx === undefined ? undefined : `${source.from}/${tx}`
}
