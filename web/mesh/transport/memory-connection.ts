import type { Clock, PeerId, Random } from '../../base/index.ts'
import type { Connection, ConnectionHandlers, Lane } from './transport.ts'

const LANES = ['control', 'bulk'] as const
/** Bytes that wait for the first `attach`; the port's promise. */
const MAX_UNATTACHED_BYTES = 1024 * 1024
/** A message lost this often in a row takes the connection down with it. */
const MAX_LOSSES = 8

export interface MemoryPath {
  /** Milliseconds one way. */
  readonly latencyMs: number
  /** Up to this much more, uniform, for each message. */
  readonly jitterMs: number
  /** Chance of 0 to 1 that a message needs to be sent again, which delays it and all behind it on its lane. */
  readonly loss: number
  /** What one loss costs; the next one in a row costs twice as much. */
  readonly retransmitMs: number
  /** What a lane carries; Infinity: no limit. */
  readonly bytesPerMs: number
  /** Beyond this much in a lane's send buffer the connection closes, as Chromium's does. */
  readonly maxBufferedBytes: number
  readonly maxMessageBytes: number
  /** Chance that a close loses what is in flight, as Chromium's does. */
  readonly tailLoss: number
  /** A path that carries nothing for this long breaks the connection on both sides, as ICE consent does. */
  readonly breakAfterMs: number
}

/** One side's node as its connections see it. */
export interface MemoryEnd {
  readonly peerId: PeerId
  /** Runs now, or when the node is no longer paused, or never when it is dead. */
  run(task: () => void): void
}

/** What the network tells its connections. */
export interface MemoryLaw {
  readonly clock: Clock
  readonly random: Random
  readonly path: MemoryPath
  /** False while the way from one end to the other carries nothing. */
  isOpen(from: MemoryEnd, to: MemoryEnd): boolean
  onDelivery(from: PeerId, to: PeerId, lane: Lane, message: Uint8Array): void
  onEnd(connection: MemoryConnection): void
}

interface OutLane {
  readonly queue: { readonly message: Uint8Array; readonly arrivesAt: number }[]
  bufferedBytes: number
  threshold: number
  lastArrivalAt: number
  cancel: (() => void) | undefined
}

/**
 * One side of a simulated connection. Lanes are reliable and ordered, so a lost message is a delay for it and for what
 * follows on its lane, and a broken connection after {@link MAX_LOSSES} in a row.
 */
export class MemoryConnection implements Connection {
  readonly claimedPeerId: string
  readonly index: number
  readonly isDialer: boolean
  readonly localCertificate: Uint8Array
  readonly remoteCertificate: Uint8Array
  readonly maxMessageBytes: number
  readonly end: MemoryEnd
  readonly #law: MemoryLaw
  #other: MemoryConnection | undefined
  #handlers: ConnectionHandlers | undefined
  readonly #inbox: { readonly lane: Lane; readonly message: Uint8Array }[] = []
  #inboxBytes = 0
  #closeReason: string | undefined
  #isClosed = false
  readonly #out: Record<Lane, OutLane> = { control: newOutLane(), bulk: newOutLane() }

  private constructor(
    law: MemoryLaw,
    end: MemoryEnd,
    other: MemoryEnd,
    isDialer: boolean,
    index: number,
    certificates: [Uint8Array, Uint8Array],
  ) {
    this.#law = law
    this.end = end
    this.claimedPeerId = other.peerId
    this.isDialer = isDialer
    this.index = index
    ;[this.localCertificate, this.remoteCertificate] = certificates
    this.maxMessageBytes = law.path.maxMessageBytes
  }

  static pair(
    law: MemoryLaw,
    dialer: MemoryEnd,
    dialled: MemoryEnd,
    index: number,
  ): [MemoryConnection, MemoryConnection] {
    const a = law.random.bytes(32)
    const b = law.random.bytes(32)
    const left = new MemoryConnection(law, dialer, dialled, true, index, [a, b])
    const right = new MemoryConnection(law, dialled, dialer, false, index, [b, a])
    left.#other = right
    right.#other = left
    return [left, right]
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get other(): MemoryConnection {
    return this.#other as MemoryConnection
  }

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers
    while (this.#inbox.length > 0) {
      const { lane, message } = this.#inbox.shift() as { lane: Lane; message: Uint8Array }
      this.#inboxBytes -= message.byteLength
      this.#handlers.onMessage(lane, message)
    }
    if (this.#closeReason !== undefined) this.#tellClosed(this.#closeReason)
  }

  send(lane: Lane, message: Uint8Array): boolean {
    if (this.#isClosed) return false
    if (message.byteLength > this.maxMessageBytes)
      throw new RangeError(`a message of ${message.byteLength} bytes does not fit`)
    const out = this.#out[lane]
    out.bufferedBytes += message.byteLength
    if (out.bufferedBytes > this.#law.path.maxBufferedBytes) {
      this.#break('the send buffer is full')
      return false
    }
    const delay = this.#delay()
    if (delay === undefined) {
      this.#break('the path lost too much')
      return false
    }
    const start = Math.max(this.#law.clock.now(), out.lastArrivalAt - this.#law.path.latencyMs)
    const arrivesAt = Math.max(
      start + message.byteLength / this.#law.path.bytesPerMs + delay,
      out.lastArrivalAt,
    )
    out.lastArrivalAt = arrivesAt
    out.queue.push({ message: message.slice(), arrivesAt })
    this.pump(lane)
    return true
  }

  bufferedBytes(lane: Lane): number {
    return this.#out[lane].bufferedBytes
  }

  setDrainThreshold(lane: Lane, bytes: number): void {
    this.#out[lane].threshold = bytes
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#law.onEnd(this)
    const { clock, random, path } = this.#law
    const isTailLost = random.float() < path.tailLoss
    if (isTailLost) this.#clear()
    const arrivals = isTailLost ? [] : LANES.map((lane) => this.#out[lane].lastArrivalAt)
    const delay = Math.max(path.latencyMs, ...arrivals.map((at) => at - clock.now()))
    clock.after(delay, () => {
      this.#clear()
      if (this.#law.isOpen(this.end, this.other.end)) this.other.finish(reason)
      else clock.after(path.breakAfterMs, () => this.other.finish('the connection broke'))
    })
  }

  /** Ends this side as its browser would: no more sending, `onClose` once. */
  finish(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#clear()
    this.#law.onEnd(this)
    this.end.run(() => this.#tellClosed(reason))
  }

  /** Starts the lane's next delivery; the network calls it when a way has opened again. */
  pump(lane: Lane): void {
    const out = this.#out[lane]
    const head = out.queue[0]
    if (!head || out.cancel) return
    out.cancel = this.#law.clock.after(Math.max(0, head.arrivesAt - this.#law.clock.now()), () => {
      out.cancel = undefined
      if (!this.#law.isOpen(this.end, this.other.end)) return
      out.queue.shift()
      this.#deliver(lane, out, head.message)
      this.pump(lane)
    })
  }

  pumpAll(): void {
    for (const lane of LANES) this.pump(lane)
  }

  #deliver(lane: Lane, out: OutLane, message: Uint8Array): void {
    const before = out.bufferedBytes
    out.bufferedBytes -= message.byteLength
    this.#law.onDelivery(this.end.peerId, this.other.end.peerId, lane, message)
    this.other.end.run(() => this.other.#receive(lane, message))
    if (before > out.threshold && out.bufferedBytes <= out.threshold) {
      this.end.run(() => {
        if (!this.#isClosed) this.#handlers?.onDrain(lane)
      })
    }
  }

  #receive(lane: Lane, message: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#handlers) {
      this.#handlers.onMessage(lane, message)
      return
    }
    this.#inbox.push({ lane, message })
    this.#inboxBytes += message.byteLength
    if (this.#inboxBytes > MAX_UNATTACHED_BYTES) this.#break('too much arrived before anybody listened')
  }

  /** Undefined when the path lost the message too often. */
  #delay(): number | undefined {
    const { random, path } = this.#law
    let delay = path.latencyMs + (path.jitterMs > 0 ? random.float() * path.jitterMs : 0)
    if (path.loss === 0) return delay
    for (let losses = 0; random.float() < path.loss; losses++) {
      if (losses === MAX_LOSSES) return undefined
      delay += path.retransmitMs * 2 ** losses
    }
    return delay
  }

  #break(reason: string): void {
    const other = this.other
    this.finish(reason)
    this.#law.clock.after(this.#law.path.latencyMs, () => other.finish(reason))
  }

  #clear(): void {
    for (const lane of LANES) {
      const out = this.#out[lane]
      out.cancel?.()
      out.cancel = undefined
      out.queue.length = 0
      out.bufferedBytes = 0
    }
  }

  #tellClosed(reason: string): void {
    this.#closeReason = reason
    const handlers = this.#handlers
    if (!handlers) return
    this.#closeReason = undefined
    this.#handlers = undefined
    handlers.onClose(reason)
  }
}

function newOutLane(): OutLane {
  return { queue: [], bufferedBytes: 0, threshold: 0, lastArrivalAt: 0, cancel: undefined }
}
