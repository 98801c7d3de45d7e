import { CreditLender, Reassembly, WireError } from '../../wire/index.ts'
import type { Lane } from '../transport/index.ts'
import { CHUNK_LIMIT_MS, HELD_BYTES, WINDOW_BYTES } from './link-limits.ts'

export interface LinkReceiverEvents {
  /** Undefined while nobody receives: frames then wait, at the sender's credit's expense. */
  handler(): ((frame: Uint8Array, lane: Lane) => void | Promise<void>) | undefined
  /** A handler has finished, so credit may be due and an end reached. */
  onHandled(): void
}

/** The way in of one lane: joins chunks, hands frames over in the order in which they became whole, lends credit. */
export class LinkReceiver {
  readonly #lane: Lane
  readonly #events: LinkReceiverEvents
  readonly #lender: CreditLender
  readonly #reassembly = new Reassembly()
  readonly #inbox: Uint8Array[] = []
  #progressAt: number | undefined
  #isEnded = false

  constructor(lane: Lane, events: LinkReceiverEvents) {
    this.#lane = lane
    this.#events = events
    this.#lender = new CreditLender(WINDOW_BYTES[lane], HELD_BYTES[lane])
  }

  /** Nothing will follow, and all that came has been handled. */
  get isDone(): boolean {
    return this.#isEnded && this.#lender.heldBytes === 0
  }

  frame(frame: Uint8Array): void {
    this.#expectMore()
    this.#lender.arrived(frame.length)
    this.#lender.hold(frame.length)
    this.#handOver(frame)
  }

  chunk(frameId: number, totalBytes: number, offset: number, bytes: Uint8Array, now: number): void {
    this.#expectMore()
    this.#lender.arrived(bytes.length)
    const frame = this.#reassembly.add(frameId, totalBytes, offset, bytes)
    this.#progressAt = this.#reassembly.isEmpty ? undefined : now
    if (!frame) return
    this.#lender.hold(frame.length)
    this.#handOver(frame)
  }

  end(): void {
    this.#expectMore()
    if (!this.#reassembly.isEmpty) throw new WireError('malformed', 'the lane ended in the middle of a frame')
    this.#isEnded = true
  }

  /** Hands over what came before there was a handler. */
  drainInbox(): void {
    for (const frame of this.#inbox.splice(0)) this.#handOver(frame)
  }

  /** Credit worth a record, or 0. It counts as granted. */
  takeCredit(): number {
    return this.#lender.isDue ? this.#lender.take() : 0
  }

  /** Throws a WireError when the sender leaves a frame unfinished although it has credit. */
  checkProgress(now: number, wasFrozen: boolean): void {
    if (this.#progressAt === undefined) return
    if (wasFrozen || this.#lender.heldBytes > 0) this.#progressAt = now
    else if (now - this.#progressAt > CHUNK_LIMIT_MS)
      throw new WireError('malformed', 'a frame was left unfinished')
  }

  close(): void {
    this.#reassembly.clear()
    this.#inbox.length = 0
  }

  #expectMore(): void {
    if (this.#isEnded) throw new WireError('malformed', 'something came after the end of its lane')
  }

  #handOver(frame: Uint8Array): void {
    const handler = this.#events.handler()
    if (!handler) {
      this.#inbox.push(frame)
      return
    }
    try {
      const handling = handler(frame, this.#lane)
      if (handling === undefined) this.#lender.release(frame.length)
      else {
        void handling.catch(report).then(() => {
          this.#lender.release(frame.length)
          this.#events.onHandled()
        })
      }
    } catch (error) {
      this.#lender.release(frame.length)
      report(error)
    }
  }
}

/** A handler's fault goes where uncaught errors go and harms no other frame. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
