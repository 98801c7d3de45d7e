import type { Clock } from '../../base/index.ts'
import { type PacketHandler, readPacket, WireError } from '../../wire/index.ts'
import type { ProvenPeer } from '../handshake/index.ts'
import type { Connection, Lane } from '../transport/index.ts'
import type { Link, LinkEnd, LinkStats } from './link.ts'
import { Heartbeat } from './link-heartbeat.ts'
import { DRAIN_LIMIT_MS, LANES } from './link-limits.ts'
import { LinkReceiver } from './link-receiver.ts'
import { LinkSender } from './link-sender.ts'

/** Quiet for this long after its goodbye: it has left, and no further word will come. */
const LEFT_QUIET_MS = 1_000

export interface LinkOptions {
  readonly clock: Clock
}

/** The link over a connection whose other side has been proven. It attaches to the connection at once. */
export function createLink(connection: Connection, peer: ProvenPeer, options: LinkOptions): Link {
  return new LiveLink(connection, peer, options.clock)
}

type FrameHandler = NonNullable<Link['onFrame']>

class LiveLink implements Link {
  readonly peer: ProvenPeer
  readonly closed: Promise<LinkEnd>
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #senders: Record<Lane, LinkSender>
  readonly #receivers: Record<Lane, LinkReceiver>
  readonly #packets: Record<Lane, PacketHandler>
  readonly #heartbeat: Heartbeat
  readonly #resolveClosed: (end: LinkEnd) => void
  #onFrame: FrameHandler | undefined
  #bytesIn = 0
  #bytesOut = 0
  #isOpen = true
  /** We said goodbye. */
  #isDraining = false
  /** The other side said goodbye. */
  #isPeerLeaving = false
  #hasAckedEnd = false
  #pendingPong: number | undefined

  constructor(connection: Connection, peer: ProvenPeer, clock: Clock) {
    this.#connection = connection
    this.peer = peer
    this.#clock = clock
    const { promise, resolve } = withResolvers<LinkEnd>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#senders = { control: this.#sender('control'), bulk: this.#sender('bulk') }
    this.#receivers = { control: this.#receiver('control'), bulk: this.#receiver('bulk') }
    this.#packets = { control: this.#packetHandler('control'), bulk: this.#packetHandler('bulk') }
    this.#heartbeat = new Heartbeat(clock, {
      ping: (id) => this.#senders.control.record((writer) => writer.ping(id)),
      onTick: (now, wasFrozen) => this.#onTick(now, wasFrozen),
      onSilent: () => this.#finish('silent', 'nothing was heard for too long'),
    })
    connection.attach({
      onMessage: (lane, message) => this.#onMessage(lane, message),
      onDrain: (lane) => this.#senders[lane].pump(),
      onClose: (reason) => this.#finish(this.#brokenEnd(), reason),
    })
  }

  get stats(): LinkStats {
    const { rttMs, quietMs } = this.#heartbeat
    return { rttMs, quietMs, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut }
  }

  get onFrame(): FrameHandler | undefined {
    return this.#onFrame
  }

  set onFrame(handler: FrameHandler | undefined) {
    this.#onFrame = handler
    if (!handler) return
    for (const lane of LANES) this.#receivers[lane].drainInbox()
    this.#afterHandling()
  }

  send(lane: Lane, frame: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#senders[lane].send(frame, signal)
  }

  async close(options: { drain?: boolean } = {}): Promise<void> {
    if (!this.#isOpen) return
    if (!options.drain) this.#finish('local', 'closed')
    else if (!this.#isDraining) this.#beginDrain()
    await this.closed
  }

  /** The goodbye leaves before this returns: a page that is being hidden may run nothing after it. */
  #beginDrain(): void {
    this.#isDraining = true
    this.#senders.control.record((writer) => writer.leaving(), true)
    for (const lane of LANES) this.#senders[lane].end()
    const cancel = this.#clock.after(DRAIN_LIMIT_MS, () => this.#finish('local', 'left'))
    void this.closed.then(cancel)
  }

  #sender(lane: Lane): LinkSender {
    return new LinkSender(this.#connection, lane, {
      onSent: (bytes) => {
        this.#bytesOut += bytes
      },
      onBroken: () => this.#finish(this.#brokenEnd(), 'the connection takes no more'),
    })
  }

  #receiver(lane: Lane): LinkReceiver {
    return new LinkReceiver(lane, { handler: () => this.#onFrame, onHandled: () => this.#afterHandling() })
  }

  #packetHandler(lane: Lane): PacketHandler {
    const receiver = this.#receivers[lane]
    const onControl = (run: () => void) => {
      if (lane !== 'control') throw new WireError('malformed', 'a control record on the bulk lane')
      if (this.#isOpen) run()
    }
    return {
      onFrame: (frame) => {
        if (this.#isOpen) receiver.frame(frame)
      },
      onChunk: (frameId, totalBytes, offset, bytes) => {
        if (this.#isOpen) receiver.chunk(frameId, totalBytes, offset, bytes, this.#clock.now())
      },
      onEnd: () => {
        if (this.#isOpen) receiver.end()
      },
      onCredit: (laneIndex, bytes) =>
        onControl(() => {
          const granted = LANES[laneIndex]
          if (!granted) throw new WireError('malformed', 'credit for a lane that is not there')
          this.#senders[granted].grant(bytes)
        }),
      onPing: (id) =>
        onControl(() => {
          this.#pendingPong = id
        }),
      onPong: (id) =>
        onControl(() => {
          if (!this.#heartbeat.pong(id)) throw new WireError('malformed', 'an answer to no question')
        }),
      onLeaving: () =>
        onControl(() => {
          this.#isPeerLeaving = true
        }),
      onEndAck: () =>
        onControl(() => {
          if (!this.#isDraining) throw new WireError('malformed', 'an end was acknowledged that is not there')
          this.#finish('local', 'left')
        }),
    }
  }

  #onMessage(lane: Lane, message: Uint8Array): void {
    if (!this.#isOpen) return
    this.#bytesIn += message.byteLength
    this.#heartbeat.heard()
    try {
      readPacket(message, this.#packets[lane])
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#finish('fault', error.message)
      return
    }
    this.#answerPing()
    this.#afterHandling()
  }

  /** One answer for a packet, however many questions it held. */
  #answerPing(): void {
    const id = this.#pendingPong
    if (id === undefined) return
    this.#pendingPong = undefined
    this.#senders.control.record((writer) => writer.pong(id))
  }

  #afterHandling(): void {
    if (!this.#isOpen) return
    LANES.forEach((lane, index) => {
      const bytes = this.#receivers[lane].takeCredit()
      if (bytes > 0) this.#senders.control.record((writer) => writer.credit(index, bytes))
    })
    if (this.#hasAckedEnd || !LANES.every((lane) => this.#receivers[lane].isDone)) return
    this.#hasAckedEnd = true
    this.#senders.control.record((writer) => writer.endAck(), true)
    // Both may leave at once; then each waits for the other's word.
    if (!this.#isDraining) this.#finish('left', 'left', LEFT_QUIET_MS)
  }

  #brokenEnd(): LinkEnd {
    if (this.#isDraining) return 'local'
    return this.#isPeerLeaving ? 'left' : 'closed'
  }

  #onTick(now: number, wasFrozen: boolean): void {
    if (this.#isPeerLeaving && !wasFrozen && this.#heartbeat.quietMs >= LEFT_QUIET_MS) {
      this.#finish('left', 'left')
      return
    }
    // Who is leaving is gone at the first second without a word.
    if (this.#isDraining) this.#heartbeat.ask()
    try {
      for (const lane of LANES) this.#receivers[lane].checkProgress(now, wasFrozen)
    } catch (error) {
      this.#finish('fault', (error as WireError).message)
    }
  }

  /** `lingerMs`: leaves the connection up for that long, since closing one may lose what was sent last. */
  #finish(end: LinkEnd, reason: string, lingerMs = 0): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#heartbeat.stop()
    for (const lane of LANES) {
      this.#senders[lane].close()
      this.#receivers[lane].close()
    }
    if (lingerMs > 0) this.#clock.after(lingerMs, () => this.#connection.close(reason))
    else this.#connection.close(reason)
    this.#resolveClosed(end)
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
