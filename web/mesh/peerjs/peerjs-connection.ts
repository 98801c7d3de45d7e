import { equalBytes } from '../../base/index.ts'
import { type Connection, type ConnectionHandlers, type Lane, TransportError } from '../transport/index.ts'
import { readFingerprint } from './peerjs-screen.ts'

/** Both sides make the bulk channel themselves under this id. PeerJS's own channel gets 0 or 1. */
const BULK_CHANNEL_ID = 2
/** The largest message that both engines were seen to carry. */
const MAX_MESSAGE_BYTES = 256 * 1024
/** Bytes that wait for the first `attach`; the port's promise. */
const MAX_UNATTACHED_BYTES = 1024 * 1024

/** The bulk lane's channel; call it on each side before the connection is up. */
export function createBulkChannel(peerConnection: RTCPeerConnection): RTCDataChannel {
  return peerConnection.createDataChannel('bulk', { negotiated: true, id: BULK_CHANNEL_ID, ordered: true })
}

export interface PeerJsConnectionOptions {
  readonly peerConnection: RTCPeerConnection
  readonly channels: Readonly<Record<Lane, RTCDataChannel>>
  readonly claimedPeerId: string
  readonly index: number
  readonly isDialer: boolean
  /** Frees everything that PeerJS holds for it. */
  readonly onEnd: () => void
}

/** Two data channels of one RTCPeerConnection. Made before they are open, so that no message is missed. */
export class PeerJsConnection implements Connection {
  readonly claimedPeerId: string
  readonly index: number
  readonly isDialer: boolean
  readonly #options: PeerJsConnectionOptions
  readonly #channels: Readonly<Record<Lane, RTCDataChannel>>
  #localCertificate: Uint8Array<ArrayBuffer> = new Uint8Array()
  #remoteCertificate: Uint8Array<ArrayBuffer> = new Uint8Array()
  #maxMessageBytes = 0
  #handlers: ConnectionHandlers | undefined
  #waiting: { readonly lane: Lane; readonly message: Uint8Array }[] = []
  #waitingBytes = 0
  #endReason: string | undefined
  #isClosed = false
  #onProgress: (() => void) | undefined

  constructor(options: PeerJsConnectionOptions) {
    this.#options = options
    this.claimedPeerId = options.claimedPeerId
    this.index = options.index
    this.isDialer = options.isDialer
    this.#channels = options.channels
    for (const lane of ['control', 'bulk'] as const) this.#listen(lane, options.channels[lane])
    const { peerConnection } = options
    peerConnection.addEventListener('iceconnectionstatechange', () => {
      // PeerJS hears of `failed` first and closes.
      if (['failed', 'closed'].includes(peerConnection.iceConnectionState))
        this.#end('the network path broke')
    })
    peerConnection.addEventListener('signalingstatechange', () => this.#onProgress?.())
    peerConnection.addEventListener('connectionstatechange', () => {
      this.#onProgress?.()
      if (['failed', 'closed'].includes(peerConnection.connectionState)) this.#end('the connection broke')
    })
  }

  get localCertificate(): Uint8Array {
    return this.#localCertificate
  }

  get remoteCertificate(): Uint8Array {
    return this.#remoteCertificate
  }

  get maxMessageBytes(): number {
    return this.#maxMessageBytes
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves when both lanes are open and the certificates are known and as described; rejects with a TransportError. */
  async opened(): Promise<void> {
    const { peerConnection } = this.#options
    await this.#until(() => Object.values(this.#channels).every(({ readyState }) => readyState === 'open'))
    // A busy page may hear of the open lanes before it hears that the descriptions are set and DTLS is done.
    await this.#until(
      () =>
        peerConnection.sctp?.transport.state === 'connected' &&
        peerConnection.currentRemoteDescription !== null,
    )
    const der = peerConnection.sctp?.transport.getRemoteCertificates()[0]
    const local = readFingerprint(peerConnection.localDescription?.sdp ?? '')
    const remote = readFingerprint(peerConnection.remoteDescription?.sdp ?? '')
    const used = der && new Uint8Array(await crypto.subtle.digest('SHA-256', der))
    this.#checkOpen()
    if (!local || !remote || !used || !equalBytes(remote, used)) {
      this.close('the certificate is not the one that was announced')
      throw new TransportError('no-path', 'the other side used a certificate that it had not announced')
    }
    this.#localCertificate = local
    this.#remoteCertificate = used
    this.#maxMessageBytes = Math.min(
      peerConnection.sctp?.maxMessageSize ?? MAX_MESSAGE_BYTES,
      MAX_MESSAGE_BYTES,
    )
  }

  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers
    while (this.#waiting.length > 0 && this.#handlers) {
      const { lane, message } = this.#waiting.shift() as { lane: Lane; message: Uint8Array }
      this.#waitingBytes -= message.byteLength
      this.#handlers.onMessage(lane, message)
    }
    if (this.#endReason !== undefined) this.#tellClosed(this.#endReason)
  }

  send(lane: Lane, message: Uint8Array): boolean {
    const channel = this.#channels[lane]
    if (this.#isClosed || channel.readyState !== 'open') return false
    try {
      channel.send(message as Uint8Array<ArrayBuffer>)
      return true
    } catch {
      // The channel closed at this moment, or its send buffer is full, after which a lane has a hole: both end it.
      this.#end('a lane takes no more')
      return false
    }
  }

  bufferedBytes(lane: Lane): number {
    return this.#channels[lane].bufferedAmount
  }

  setDrainThreshold(lane: Lane, bytes: number): void {
    this.#channels[lane].bufferedAmountLowThreshold = bytes
  }

  close(_reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting = []
    for (const channel of Object.values(this.#channels)) {
      channel.onmessage = channel.onbufferedamountlow = channel.onclose = channel.onopen = null
      channel.close()
    }
    // A closed one counts against the engine's limit until it is collected, an open one for ever.
    this.#options.peerConnection.close()
    this.#options.onEnd()
    this.#onProgress?.()
  }

  #listen(lane: Lane, channel: RTCDataChannel): void {
    channel.binaryType = 'arraybuffer'
    channel.onmessage = (event: MessageEvent<unknown>) => this.#onMessage(lane, event.data)
    channel.onbufferedamountlow = () => this.#handlers?.onDrain(lane)
    channel.onclose = () => this.#end('the other side closed the connection')
    channel.onopen = () => this.#onProgress?.()
  }

  #onMessage(lane: Lane, data: unknown): void {
    if (this.#isClosed) return
    if (!(data instanceof ArrayBuffer)) {
      this.#end('something came that is no bytes')
      return
    }
    const message = new Uint8Array(data)
    if (this.#handlers) {
      this.#handlers.onMessage(lane, message)
      return
    }
    this.#waitingBytes += message.byteLength
    if (this.#waitingBytes > MAX_UNATTACHED_BYTES) this.#end('too much arrived before anybody listened')
    else this.#waiting.push({ lane, message })
  }

  /** Looks again whenever a lane opens, DTLS or the descriptions go on, or the connection ends, which makes it reject. */
  async #until(isSo: () => boolean): Promise<void> {
    this.#checkOpen()
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve
      })
      this.#checkOpen()
    }
    this.#onProgress = undefined
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new TransportError('no-path', this.#endReason ?? 'the connection closed before it was open')
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#endReason = reason
    const waiting = this.#waiting
    this.close(reason)
    // What came before the end is still handed over first.
    this.#waiting = waiting
    if (this.#handlers) this.#tellClosed(reason)
  }

  #tellClosed(reason: string): void {
    const handlers = this.#handlers
    this.#handlers = undefined
    this.#endReason = undefined
    handlers?.onClose(reason)
  }
}
