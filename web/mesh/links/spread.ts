import { type Clock, every } from '../../base/index.ts'
import { decodeMessage, encodeMessage } from '../calls/index.ts'
import type { ProvenPeer } from '../handshake/index.ts'
import { createLink, LARGE_FRAME_BYTES, type Link, LinkError, type LinkStats } from '../link/index.ts'
import type { Connection } from '../transport/index.ts'
import { SeenNumbers } from './seen-numbers.ts'
import { addBytes, NO_BYTES } from './traffic.ts'

/** Connections of one link, the first included. Beyond eight a wide-area path gains nothing here. */
export const MAX_CONNECTIONS = 8
/** Either side may have opened all of the further ones. */
const MAX_INDEX = 2 * (MAX_CONNECTIONS - 1)
const LOOK_MS = 250
/** More than this waiting for credit, at two looks in a row: the connections carry less than there is. */
const STARVED_BYTES = 256 * 1024
const STARVED_LOOKS = 2
/** Below this round trip one connection carries all that a local network does. */
const FAR_RTT_MS = 10
/** On a shorter way a poor rate means loss, as on a bad wireless link. */
const LOSSY_RTT_MS = 3
const POOR_BYTES_PER_S = 2_000_000
/** Handed to one connection at a time: the rest waits for whichever has room first, also for one that is not there yet. */
const HANDED_BYTES = 1024 * 1024
const MAX_QUEUED = 4_096
/** Opened at the same time. */
const OPEN_AT_ONCE = 7
/** After one that did not open. */
const PAUSE_MS = 10_000
const FOLD_MS = 10_000

export interface SpreadOptions {
  readonly clock: Clock
  readonly peer: ProvenPeer
  readonly link: Link
  /** Of the two, the one with the smaller id opens the odd numbers, the other the even ones. */
  readonly isSmaller: boolean
  /** Opens and proves one more connection to the same peer. Rejects with a TransportError or HandshakeError. */
  readonly open: (index: number, signal: AbortSignal) => Promise<Connection>
  /** A frame that came over any of them, once. */
  readonly onFrame: (frame: Uint8Array) => void | Promise<void>
  /** The peer has broken the protocol. */
  readonly onFault: () => void
}

interface Queued {
  readonly frame: Uint8Array
  readonly signal: AbortSignal | undefined
  resolve(): void
  reject(reason: unknown): void
}

/** A further connection of the link, and what was sent over it and is not known to have come. */
interface Branch {
  readonly link: Link
  readonly unacknowledged: Map<number, Uint8Array>
  waitingBytes: number
}

/**
 * Large frames of one link, over as many connections as its way calls for: one on a local network, up to
 * {@link MAX_CONNECTIONS} where round trip and loss starve one. Frames are numbered; what a further connection takes down
 * with it is sent again, and what comes twice is dropped.
 */
export class Spread {
  readonly #options: SpreadOptions
  readonly #branches = new Map<number, Branch>()
  readonly #opening = new Set<number>()
  readonly #seen = new SeenNumbers()
  readonly #controller = new AbortController()
  #queue: Queued[] = []
  #queuedBytes = 0
  /** Handed to the first connection and not gone yet. */
  #waitingBytes = 0
  #nextNumber = 1
  #leastRttMs = Number.POSITIVE_INFINITY
  #starvedLooks = 0
  #bytesBefore = 0
  /** Of further connections that are no more. */
  #endedBytes = NO_BYTES
  #busyAt: number
  #pausedUntil = 0
  #stopLooking: (() => void) | undefined

  constructor(options: SpreadOptions) {
    this.#options = options
    this.#busyAt = options.clock.now()
  }

  /** Of all its connections, those that have ended too. */
  get stats(): LinkStats {
    const { rttMs, quietMs, ...first } = this.#options.link.stats
    let bytes = addBytes(first, this.#endedBytes)
    for (const { link } of this.#branches.values()) bytes = addBytes(bytes, link.stats)
    return { rttMs, quietMs, ...bytes }
  }

  get connectionCount(): number {
    return 1 + this.#branches.size
  }

  /** Whether frames of this size may overtake others, and so go any way. */
  static takes(frame: Uint8Array): boolean {
    return frame.length > LARGE_FRAME_BYTES
  }

  /** As `Link.send` on the bulk lane. */
  send(frame: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#controller.signal.aborted) return Promise.reject(this.#controller.signal.reason)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#queue.length >= MAX_QUEUED)
      return Promise.reject(new LinkError('backlog', 'too much waits to be sent to this peer'))
    this.#stopLooking ??= every(this.#options.clock, LOOK_MS, () => this.#look())
    return new Promise((resolve, reject) => {
      const stop = () => signal?.removeEventListener('abort', onAbort)
      const queued: Queued = {
        ...{ frame, signal },
        resolve: () => {
          stop()
          resolve()
        },
        reject: (reason) => {
          stop()
          reject(reason)
        },
      }
      const onAbort = () => {
        const at = this.#queue.indexOf(queued)
        if (at < 0) return
        this.#queue.splice(at, 1)
        this.#queuedBytes -= frame.length
        queued.reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort)
      this.#queue.push(queued)
      this.#queuedBytes += frame.length
      this.#pump()
    })
  }

  /** Whether the peer may open the connection of this number now. */
  mayAdd(index: number): boolean {
    const isTheirs = (index % 2 === 0) === this.#options.isSmaller
    const isFree = !this.#branches.has(index) && this.#branches.size < MAX_CONNECTIONS - 1
    return isTheirs && isFree && index > 0 && index <= MAX_INDEX && !this.#controller.signal.aborted
  }

  add(index: number, connection: Connection): void {
    const { clock, peer } = this.#options
    if (this.#controller.signal.aborted || this.#branches.has(index)) {
      connection.close('the link has ended')
      return
    }
    const link = createLink(connection, peer, { clock })
    const branch: Branch = { link, unacknowledged: new Map(), waitingBytes: 0 }
    this.#branches.set(index, branch)
    this.#busyAt = clock.now()
    link.onFrame = (frame) => this.#onFrame(branch, frame)
    void link.closed.then(() => this.#onEnd(index, branch))
    this.#pump()
  }

  /** A numbered frame that came over the first connection. */
  onRepeated(number: number, frame: Uint8Array): void | Promise<void> {
    return this.#seen.add(number) ? this.#options.onFrame(frame) : undefined
  }

  /** As `Link.close`; the first connection is its owner's to close. */
  async close(options: { drain?: boolean } = {}): Promise<void> {
    this.#stopLooking?.()
    this.#controller.abort(new LinkError('closed', 'the link has ended'))
    for (const { reject } of this.#queue.splice(0)) reject(this.#controller.signal.reason)
    await Promise.all([...this.#branches.values()].map(({ link }) => link.close(options)))
  }

  #pump(): void {
    for (let way = this.#roomiest(); way && this.#queue.length > 0; way = this.#roomiest()) {
      const { frame, signal, resolve, reject } = this.#queue.shift() as Queued
      this.#queuedBytes -= frame.length
      const sent = way === 'first' ? this.#sendFirst(frame, signal) : this.#sendOn(way, frame, signal)
      sent.then(resolve, reject).finally(() => this.#pump())
    }
  }

  /** The one with the least to send; undefined while all have enough. */
  #roomiest(): Branch | 'first' | undefined {
    let least = this.#waitingBytes
    let roomiest: Branch | 'first' = 'first'
    for (const branch of this.#branches.values()) {
      if (branch.waitingBytes >= least) continue
      least = branch.waitingBytes
      roomiest = branch
    }
    return least < HANDED_BYTES ? roomiest : undefined
  }

  async #sendFirst(frame: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    this.#waitingBytes += frame.length
    try {
      await this.#options.link.send('bulk', frame, signal)
    } finally {
      this.#waitingBytes -= frame.length
    }
  }

  async #sendOn(branch: Branch, frame: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const number = this.#nextNumber++
    branch.waitingBytes += frame.length
    try {
      await branch.link.send('bulk', encodeMessage({ type: 'spread', number, frame }), signal)
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== 'closed') throw error
      return this.#repeat(number, frame)
    } finally {
      branch.waitingBytes -= frame.length
    }
    // What it takes down with it from now on is sent again by whoever sees its end.
    if (this.#isOpen(branch)) branch.unacknowledged.set(number, frame)
    else await this.#repeat(number, frame)
  }

  #isOpen(branch: Branch): boolean {
    return [...this.#branches.values()].includes(branch)
  }

  #repeat(number: number, frame: Uint8Array): Promise<void> {
    return this.#options.link.send('bulk', encodeMessage({ type: 'spread', number, frame }))
  }

  #onFrame(branch: Branch, bytes: Uint8Array): void | Promise<void> {
    const message = decodeMessage(bytes)
    if (message?.type === 'spread-ack') {
      branch.unacknowledged.delete(message.number)
      return undefined
    }
    if (message?.type !== 'spread') return this.#options.onFault()
    branch.link.send('control', encodeMessage({ type: 'spread-ack', number: message.number })).catch(ignore)
    return this.onRepeated(message.number, message.frame)
  }

  #onEnd(index: number, branch: Branch): void {
    this.#branches.delete(index)
    this.#endedBytes = addBytes(this.#endedBytes, branch.link.stats)
    if (this.#controller.signal.aborted) return
    for (const [number, frame] of branch.unacknowledged) this.#repeat(number, frame).catch(ignore)
  }

  #look(): void {
    const now = this.#options.clock.now()
    const { rttMs, bytesOut } = this.stats
    if (rttMs !== undefined) this.#leastRttMs = Math.min(this.#leastRttMs, rttMs)
    let waiting = this.#waitingBytes + this.#queuedBytes
    for (const { waitingBytes } of this.#branches.values()) waiting += waitingBytes
    const rate = ((bytesOut - this.#bytesBefore) * 1000) / LOOK_MS
    this.#bytesBefore = bytesOut
    if (waiting > 0) this.#busyAt = now
    this.#starvedLooks = waiting > STARVED_BYTES ? this.#starvedLooks + 1 : 0
    if (this.#starvedLooks >= STARVED_LOOKS && this.#isFar(rate) && now >= this.#pausedUntil) this.#grow()
    else if (now - this.#busyAt > FOLD_MS) this.#fold()
  }

  #isFar(rate: number): boolean {
    return this.#leastRttMs >= FAR_RTT_MS || (this.#leastRttMs >= LOSSY_RTT_MS && rate < POOR_BYTES_PER_S)
  }

  #grow(): void {
    const first = this.#options.isSmaller ? 1 : 2
    for (let index = first; index <= MAX_INDEX && this.#opening.size < OPEN_AT_ONCE; index += 2) {
      const isUsed = this.#branches.has(index) || this.#opening.has(index)
      if (this.#branches.size + this.#opening.size >= MAX_CONNECTIONS - 1) return
      if (!isUsed) void this.#open(index)
    }
  }

  async #open(index: number): Promise<void> {
    const { signal } = this.#controller
    this.#opening.add(index)
    try {
      const connection = await this.#options.open(index, signal)
      if (this.#branches.size < MAX_CONNECTIONS - 1) this.add(index, connection)
      else connection.close('enough')
    } catch {
      // This way takes no more, or the peer does not: what there is goes on.
      this.#pausedUntil = this.#options.clock.now() + PAUSE_MS
    } finally {
      this.#opening.delete(index)
    }
  }

  #fold(): void {
    for (const { link } of this.#branches.values()) void link.close({ drain: true })
    this.#stopLooking?.()
    this.#stopLooking = undefined
  }
}

function ignore(): void {}
