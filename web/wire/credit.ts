import { WireError } from './errors.ts'

/** What a frame or chunk costs beside its bytes, so that empty ones are bounded too. */
export const FRAME_COST_BYTES = 16

/** The sender's side of a lane's credit: how much it may still put on the lane. */
export class CreditSpender {
  readonly #windowBytes: number
  #left: number

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
    this.#left = windowBytes
  }

  get left(): number {
    return this.#left
  }

  spend(payloadBytes: number): void {
    this.#left -= payloadBytes + FRAME_COST_BYTES
  }

  /** Throws a WireError `malformed` for more than was ever lent. */
  grant(bytes: number): void {
    if (bytes === 0 || bytes > this.#windowBytes - this.#left) {
      throw new WireError('malformed', 'more credit than was spent')
    }
    this.#left += bytes
  }
}

/**
 * The receiver's side. What has been granted and has not arrived is at most the window; a frame is held from its arrival
 * until it is handled, and with more than `heldBytes` of them nothing is granted. Chunks of a frame that is not whole
 * hold none, since {@link Reassembly} bounds those.
 */
export class CreditLender {
  readonly #windowBytes: number
  readonly #maxHeldBytes: number
  /** What the sender may still send, by what it has been told. */
  #lent: number
  #held = 0

  constructor(windowBytes: number, maxHeldBytes: number) {
    this.#windowBytes = windowBytes
    this.#maxHeldBytes = maxHeldBytes
    this.#lent = windowBytes
  }

  /** Something arrived. Throws a WireError `malformed` when the sender had no credit for it. */
  arrived(payloadBytes: number): void {
    this.#lent -= payloadBytes + FRAME_COST_BYTES
    if (this.#lent < 0) throw new WireError('malformed', 'more was sent than the credit allows')
  }

  hold(payloadBytes: number): void {
    this.#held += payloadBytes + FRAME_COST_BYTES
  }

  release(payloadBytes: number): void {
    this.#held -= payloadBytes + FRAME_COST_BYTES
  }

  get heldBytes(): number {
    return this.#held
  }

  /** True when granting what is due is worth a record of its own: a quarter of the window. */
  get isDue(): boolean {
    return this.#due >= this.#windowBytes / 4
  }

  /** What is due, which counts as lent from now on. */
  take(): number {
    const due = this.#due
    this.#lent += due
    return due
  }

  get #due(): number {
    return Math.max(0, Math.min(this.#windowBytes, this.#maxHeldBytes - this.#held) - this.#lent)
  }
}
