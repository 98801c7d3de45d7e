import { type Clock, Listeners } from '../../base/index.ts'
import { MessagingError, type MessagingErrorCode } from '../errors.ts'
import type { TransferSnapshot, TransferState } from './transfer.ts'

/** The rate is taken over this much. */
const RATE_MS = 3_000
/** Who listens hears of bytes at most so often. */
const TELL_MS = 100

const OVER: ReadonlySet<TransferState> = new Set(['done', 'declined', 'cancelled', 'failed'])

export function isOver(state: TransferState): boolean {
  return OVER.has(state)
}

/** How far one transfer is, for whoever watches. */
export class Progress {
  readonly done: Promise<void>
  readonly #clock: Clock
  readonly #listeners = new Listeners<[]>()
  #snapshot: TransferSnapshot
  #marks: { readonly at: number; readonly bytes: number }[] = []
  #toldAt = Number.NEGATIVE_INFINITY
  #bytes: number
  #resolve: () => void = () => {}
  #reject: (reason: unknown) => void = () => {}

  constructor(clock: Clock, state: TransferState, bytes: number, reason?: string) {
    this.#clock = clock
    this.#bytes = bytes
    this.#snapshot = { state, bytes, bytesPerSecond: 0, reason }
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.done.catch(() => {
      // Whoever does not wait for it reads the state.
    })
    if (state === 'done') this.#resolve()
  }

  get snapshot(): TransferSnapshot {
    return this.#snapshot
  }

  get state(): TransferState {
    return this.#snapshot.state
  }

  get isOver(): boolean {
    return isOver(this.state)
  }

  get bytes(): number {
    return this.#bytes
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  enter(state: TransferState, reason?: string): void {
    if (this.isOver || (state === this.state && reason === this.#snapshot.reason)) return
    if (state !== 'moving') this.#marks = []
    this.#tell({ state, reason })
    if (state === 'done') this.#resolve()
  }

  /** Ends it for good. */
  fail(state: 'declined' | 'cancelled' | 'failed', code: MessagingErrorCode, reason: string): void {
    if (this.isOver) return
    this.enter(state, reason)
    this.#reject(new MessagingError(code, reason))
  }

  /** So many bytes are on the receiver's disk. */
  reach(bytes: number): void {
    if (this.isOver || bytes === this.#bytes) return
    this.#bytes = bytes
    const now = this.#clock.now()
    this.#marks.push({ at: now, bytes })
    while (this.#marks.length > 2 && now - (this.#marks[0]?.at ?? now) > RATE_MS) this.#marks.shift()
    if (now - this.#toldAt >= TELL_MS) this.#tell({})
  }

  #tell(change: Partial<TransferSnapshot>): void {
    this.#toldAt = this.#clock.now()
    this.#snapshot = { ...this.#snapshot, bytes: this.#bytes, bytesPerSecond: this.#rate(), ...change }
    this.#listeners.emit()
  }

  #rate(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)]
    if (!first || !last || last.at <= first.at) return 0
    return ((last.bytes - first.bytes) * 1_000) / (last.at - first.at)
  }
}
