import type { Clock } from '../../base/index.ts'
import type { Connection, ConnectionHandlers, Lane } from '../transport/index.ts'
import type { HandshakeCode } from './errors.ts'
import { Refusal } from './refusal.ts'

/** What may wait behind the handshake for the link; the same as a connection keeps before the first `attach`. */
const MAX_HELD_BYTES = 1024 * 1024
const MAX_HANDSHAKE_MESSAGE_BYTES = 512
/** How long a refusal gets to arrive before the connection is closed: a close may lose what is in flight. */
const REFUSAL_GRACE_MS = 1000

/**
 * A connection during its handshake: control messages are pulled one by one with {@link next}, everything else waits, unread,
 * until a link attaches, which then sees it as if it had just arrived.
 */
export class HeldConnection implements Connection {
  readonly #connection: Connection
  readonly #waiting: { readonly lane: Lane; readonly message: Uint8Array }[] = []
  #waitingBytes = 0
  #wake: (() => void) | undefined
  #failure: HandshakeCode | undefined
  #handlers: ConnectionHandlers | undefined
  #closeReason: string | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    connection.attach({
      onMessage: (lane, message) => this.#hold(lane, message),
      onDrain: (lane) => this.#handlers?.onDrain(lane),
      onClose: (reason) => this.#onClose(reason),
    })
  }

  get claimedPeerId(): string {
    return this.#connection.claimedPeerId
  }

  get index(): number {
    return this.#connection.index
  }

  get isDialer(): boolean {
    return this.#connection.isDialer
  }

  get localCertificate(): Uint8Array {
    return this.#connection.localCertificate
  }

  get remoteCertificate(): Uint8Array {
    return this.#connection.remoteCertificate
  }

  get maxMessageBytes(): number {
    return this.#connection.maxMessageBytes
  }

  /** The next control message; throws a Refusal when the handshake has failed meanwhile. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const at = this.#waiting.findIndex(({ lane }) => lane === 'control')
      const held = at < 0 ? undefined : this.#waiting.splice(at, 1)[0]
      if (held) {
        this.#waitingBytes -= held.message.byteLength
        if (held.message.byteLength > MAX_HANDSHAKE_MESSAGE_BYTES) throw new Refusal('malformed')
        return held.message
      }
      if (this.#failure) throw new Refusal(this.#failure)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  fail(code: HandshakeCode): void {
    this.#failure ??= code
    this.#waiting.length = 0
    this.#wake?.()
  }

  /** Says why, then closes: as soon as the other side does, or after a grace. */
  refuse(message: Uint8Array, reason: string, clock: Clock): void {
    if (this.#closeReason !== undefined) return
    this.#connection.send('control', message)
    const cancel = clock.after(REFUSAL_GRACE_MS, () => this.#connection.close(reason))
    this.#connection.attach({
      onMessage() {
        // Nothing that comes after a refusal is read.
      },
      onDrain() {
        // Nothing more is sent.
      },
      onClose: () => cancel(),
    })
  }

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers
    for (const { lane, message } of this.#waiting.splice(0)) handlers.onMessage(lane, message)
    if (this.#closeReason !== undefined) handlers.onClose(this.#closeReason)
    else this.#connection.attach(handlers)
  }

  send(lane: Lane, message: Uint8Array): boolean {
    return this.#connection.send(lane, message)
  }

  bufferedBytes(lane: Lane): number {
    return this.#connection.bufferedBytes(lane)
  }

  setDrainThreshold(lane: Lane, bytes: number): void {
    this.#connection.setDrainThreshold(lane, bytes)
  }

  close(reason: string): void {
    this.#connection.close(reason)
  }

  #hold(lane: Lane, message: Uint8Array): void {
    if (this.#failure) return
    this.#waiting.push({ lane, message })
    this.#waitingBytes += message.byteLength
    if (this.#waitingBytes > MAX_HELD_BYTES) this.fail('malformed')
    this.#wake?.()
  }

  #onClose(reason: string): void {
    this.#closeReason = reason
    this.#failure ??= 'closed'
    this.#wake?.()
  }
}
