import { abortable, type PeerId } from '../base/index.ts'
import { MessagingError } from './errors.ts'

/** Peers of whom it is known what they have; beyond it the one that was heard from longest ago is forgotten. */
const MAX_PEERS = 1_000

interface Wait {
  readonly number: number
  /** Devices that are to have it, this one included. */
  readonly copies: number
  /** Fewer members are here than it wants copies: as many as there are will do. */
  readonly isCapped: boolean
  resolve(copies: number): void
  reject(reason: unknown): void
}

/** Who waits until others have messages of this node's stream on their disks. */
export class StoredWaits {
  readonly #memberCount: () => number
  readonly #marks = new Map<PeerId, number>()
  readonly #waits = new Set<Wait>()

  /** `memberCount`: those who are here, this node included. */
  constructor(memberCount: () => number) {
    this.#memberCount = memberCount
  }

  /**
   * Resolves with the number of devices that have it, this one included, once it is on `copies` of them, or with `isCapped` on as many
   * as there are members. Rejects with a MessagingError `closed` when this node ends first, or with `signal.reason`.
   */
  until(number: number, copies: number, isCapped: boolean, signal: AbortSignal | undefined): Promise<number> {
    let wait: Wait | undefined
    const stored = new Promise<number>((resolve, reject) => {
      wait = { number, copies, isCapped, resolve, reject }
      this.#waits.add(wait)
      this.check()
    })
    return abortable(stored, signal).finally(() => wait && this.#waits.delete(wait))
  }

  /** A peer has everything up to this number on disk; less than it said before when it has lost its disk. */
  mark(peer: PeerId, number: number): void {
    this.#marks.delete(peer)
    this.#marks.set(peer, number)
    const oldest = this.#marks.size > MAX_PEERS ? this.#marks.keys().next().value : undefined
    if (oldest !== undefined) this.#marks.delete(oldest)
    this.check()
  }

  /** Also called when members have come or gone. */
  check(): void {
    for (const wait of this.#waits) {
      let copies = 1
      for (const mark of this.#marks.values()) if (mark >= wait.number) copies++
      const wanted = wait.isCapped ? Math.min(wait.copies, this.#memberCount()) : wait.copies
      if (copies < wanted) continue
      this.#waits.delete(wait)
      wait.resolve(copies)
    }
  }

  close(): void {
    const reason = new MessagingError('closed', 'this node has ended')
    for (const { reject } of this.#waits) reject(reason)
    this.#waits.clear()
  }
}
