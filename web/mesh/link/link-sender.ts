import {
  CreditSpender,
  FRAME_COST_BYTES,
  MAX_FRAME_BYTES,
  PacketWriter,
  RECORD_HEAD_BYTES,
} from '../../wire/index.ts'
import type { Connection, Lane } from '../transport/index.ts'
import { LinkError } from './errors.ts'
import {
  HIGH_WATER_BYTES,
  LARGE_FRAME_BYTES,
  LOW_WATER_BYTES,
  MAX_INTERLEAVED_FRAMES,
  MAX_WAITING_SENDS,
  PACKET_BYTES,
  WINDOW_BYTES,
} from './link-limits.ts'
import { LinkQueue } from './link-queue.ts'

/** A chunk is worth its head from here on. */
const MIN_CHUNK_BYTES = 1024
const SENT = Promise.resolve()

interface Waiting {
  readonly frame: Uint8Array
  /** Its turn among all that waited on this lane. */
  readonly turn: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

interface Crossing {
  /** Given with the first chunk: ids grow in the order in which frames begin. */
  frameId: number
  readonly waiting: Waiting
  offset: number
}

export interface LinkSenderEvents {
  /** A packet of this size was handed to the lane. */
  onSent(bytes: number): void
  /** The connection takes no more. */
  onBroken(): void
}

/**
 * The way out of one lane: frames wait for credit and for room in the send buffer, small ones share packets, large ones
 * take turns by chunks. On the control lane every frame waits for the ones before it; on the bulk lane a large frame
 * holds up nobody.
 */
export class LinkSender {
  readonly #connection: Connection
  readonly #lane: Lane
  readonly #events: LinkSenderEvents
  readonly #isStrict: boolean
  readonly #credit: CreditSpender
  readonly #writer: PacketWriter
  readonly #small = new LinkQueue<Waiting>()
  readonly #large = new LinkQueue<Waiting>()
  readonly #crossing: Crossing[] = []
  #crossingBytes = 0
  #nextCrossing = 0
  #nextFrameId = 0
  #nextTurn = 0
  #isFlushDue = false
  /** What is written waits for the send buffer to drain to this many bytes; the lane then calls {@link pump}. */
  #heldUntil: number | undefined
  #state: 'open' | 'ending' | 'ended' | 'closed' = 'open'

  constructor(connection: Connection, lane: Lane, events: LinkSenderEvents) {
    this.#connection = connection
    this.#lane = lane
    this.#events = events
    this.#isStrict = lane === 'control'
    this.#credit = new CreditSpender(WINDOW_BYTES[lane])
    this.#writer = new PacketWriter(Math.min(PACKET_BYTES[lane], connection.maxMessageBytes))
    connection.setDrainThreshold(lane, LOW_WATER_BYTES[lane])
  }

  /** See `Link.send`. */
  send(frame: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#state !== 'open')
      return Promise.reject(new LinkError('closed', 'the link to this peer is closed'))
    if (frame.length > MAX_FRAME_BYTES) {
      return Promise.reject(
        new LinkError('too-large', `a frame of ${frame.length} bytes is larger than ${MAX_FRAME_BYTES}`),
      )
    }
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#small.size + this.#large.size + this.#crossing.length === 0 && !this.#isLarge(frame)) {
      if (this.#writeSmall(frame)) {
        this.#flushSoon()
        return SENT
      }
    }
    return this.#wait(frame, signal)
  }

  /** The other side has lent more. Throws a WireError for more than was spent. */
  grant(bytes: number): void {
    this.#credit.grant(bytes)
    this.pump()
  }

  /** Writes a short record past all that waits. `isUrgent`: it leaves now, not with the next packet. */
  record(write: (writer: PacketWriter) => void, isUrgent = false): void {
    if (this.#state === 'closed') return
    if (this.#writer.room < RECORD_HEAD_BYTES) this.#flush()
    write(this.#writer)
    if (isUrgent) this.#flush()
    else this.#flushSoon()
  }

  /** Takes nothing more and writes the lane's end behind what waits. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.pump()
  }

  close(): void {
    this.#state = 'closed'
    const error = new LinkError('closed', 'the link to this peer closed before this was sent')
    for (const { waiting } of this.#crossing.splice(0)) waiting.reject(error)
    for (const queue of [this.#small, this.#large]) {
      for (let waiting = queue.shift(); waiting; waiting = queue.shift()) waiting.reject(error)
    }
  }

  /** Moves what credit and buffer allow. Called when either has grown. */
  pump(): void {
    if (this.#state === 'closed') return
    this.#heldUntil = undefined
    do this.#writeSmalls()
    while (this.#writeChunk())
    if (this.#state === 'ending' && this.#small.size + this.#large.size + this.#crossing.length === 0) {
      this.#state = 'ended'
      this.record((writer) => writer.end(), true)
    }
    this.#flushIfRoom()
  }

  #isLarge(frame: Uint8Array): boolean {
    return frame.length > LARGE_FRAME_BYTES
  }

  #wait(frame: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#small.size + this.#large.size >= MAX_WAITING_SENDS) {
      return Promise.reject(new LinkError('backlog', 'too much waits to be sent to this peer'))
    }
    const queue = this.#isLarge(frame) ? this.#large : this.#small
    const sent = new Promise<void>((resolve, reject) => {
      const waiting: Waiting = { frame, turn: this.#nextTurn++, resolve: done(resolve), reject: done(reject) }
      const onAbort = () => {
        if (queue.delete(waiting)) waiting.reject(signal?.reason)
      }
      function done<Args extends unknown[]>(settle: (...args: Args) => void): (...args: Args) => void {
        if (!signal) return settle
        return (...args) => {
          signal.removeEventListener('abort', onAbort)
          settle(...args)
        }
      }
      signal?.addEventListener('abort', onAbort)
      queue.push(waiting)
    })
    this.pump()
    return sent
  }

  /** A packet of small frames at most when large ones wait too: those get a chunk in between. */
  #writeSmalls(): void {
    let hasFlushed = false
    for (let head = this.#small.peek(); head; head = this.#small.peek()) {
      if (this.#isStrict && (this.#crossing.length > 0 || this.#isBefore(this.#large.peek(), head))) return
      if (this.#writer.room < head.frame.length + RECORD_HEAD_BYTES) {
        if ((hasFlushed && this.#crossing.length > 0) || !this.#flushFull()) return
        hasFlushed = true
      }
      if (!this.#writeSmall(head.frame)) return
      this.#small.shift()
      head.resolve()
    }
  }

  /** False if credit or room is missing. */
  #writeSmall(frame: Uint8Array): boolean {
    if (this.#credit.left < frame.length + FRAME_COST_BYTES) return false
    if (this.#writer.room < frame.length + RECORD_HEAD_BYTES && !this.#flushFull()) return false
    this.#credit.spend(frame.length)
    this.#writer.frame(frame)
    return true
  }

  #writeChunk(): boolean {
    this.#admit()
    const crossing = this.#crossing[this.#nextCrossing % this.#crossing.length]
    if (!crossing) return false
    if (this.#writer.room < RECORD_HEAD_BYTES + MIN_CHUNK_BYTES && !this.#flushFull()) return false
    const { waiting, offset } = crossing
    const rest = waiting.frame.length - offset
    const length = Math.min(rest, this.#writer.room - RECORD_HEAD_BYTES, this.#credit.left - FRAME_COST_BYTES)
    if (length < Math.min(rest, MIN_CHUNK_BYTES)) return false
    this.#credit.spend(length)
    if (offset === 0) crossing.frameId = this.#nextFrameId++
    this.#writer.chunk(
      crossing.frameId,
      waiting.frame.length,
      offset,
      waiting.frame.subarray(offset, offset + length),
    )
    crossing.offset += length
    if (length < rest) this.#nextCrossing++
    else this.#crossed(crossing)
    return true
  }

  /** Lets the next large frames begin while all that cross together fit the receiver's reassembly. */
  #admit(): void {
    const limit = this.#isStrict ? 1 : MAX_INTERLEAVED_FRAMES
    while (this.#crossing.length < limit) {
      const head = this.#large.peek()
      if (!head || head.frame.length > MAX_FRAME_BYTES - this.#crossingBytes) return
      if (this.#isStrict && this.#isBefore(this.#small.peek(), head)) return
      this.#large.shift()
      this.#crossingBytes += head.frame.length
      this.#crossing.push({ frameId: -1, waiting: head, offset: 0 })
    }
  }

  #crossed(crossing: Crossing): void {
    this.#crossing.splice(this.#crossing.indexOf(crossing), 1)
    this.#crossingBytes -= crossing.waiting.frame.length
    crossing.waiting.resolve()
  }

  #isBefore(one: Waiting | undefined, other: Waiting): boolean {
    return one !== undefined && one.turn < other.turn
  }

  #flushSoon(): void {
    if (this.#isFlushDue || this.#heldUntil !== undefined) return
    this.#isFlushDue = true
    queueMicrotask(() => {
      this.#isFlushDue = false
      this.#flushIfRoom()
    })
  }

  /** A full packet leaves below the high water, one that is not only below the low water: that is what batches. */
  #flushIfRoom(): void {
    if (this.#writer.isEmpty) return
    if (this.#writer.room < RECORD_HEAD_BYTES + MIN_CHUNK_BYTES) this.#flushFull()
    else if (this.#connection.bufferedBytes(this.#lane) <= LOW_WATER_BYTES[this.#lane]) this.#flush()
    else if (this.#heldUntil === undefined) this.#hold(LOW_WATER_BYTES[this.#lane])
  }

  #flushFull(): boolean {
    if (this.#connection.bufferedBytes(this.#lane) < HIGH_WATER_BYTES[this.#lane]) return this.#flush()
    // Asked for early enough that the send buffer does not run dry before this page gets its turn.
    this.#hold(HIGH_WATER_BYTES[this.#lane] / 2)
    return false
  }

  #hold(bytes: number): void {
    if (this.#heldUntil === bytes) return
    this.#heldUntil = bytes
    this.#connection.setDrainThreshold(this.#lane, bytes)
  }

  #flush(): boolean {
    if (this.#state === 'closed') return false
    const packet = this.#writer.take()
    if (packet.length === 0) return true
    if (this.#connection.send(this.#lane, packet)) {
      this.#events.onSent(packet.length)
      return true
    }
    this.#events.onBroken()
    return false
  }
}
