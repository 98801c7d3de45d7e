import type { PeerId } from '../base/index.ts'
import { MessagingError } from './errors.ts'

interface Wait {
  readonly number: number
  /** Devices that are to have it, this one included. */
  readonly copies: number
  /** Fewer members are here than it wants copies: as many as there are will do. */
  readonly isCapped: boolean
  resolve(copies: number): void
  reject(reason: MessagingError): void
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
   * as there are members. Rejects with a MessagingError `closed` when this node ends first.
   */
  until(number: number, copies: number, isCapped: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waits.add({ number, copies, isCapped, resolve, reject })
      this.check()
    })
  }

  /** A peer has everything up to this number on disk. */
  mark(peer: PeerId, number: number): void {
    this.#marks.set(peer, Math.max(number, this.#marks.get(peer) ?? 0))
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
