import type { PeerId } from '../../base/index.ts'

export type SignalingState = 'connected' | 'retrying' | 'unreachable'
/** `control` is ordered and for small frames; `bulk` is ordered on its own, so that it never holds control up. */
export type Lane = 'control' | 'bulk'

/**
 * The port through which a node reaches others. It promises nothing about who is at the other end: that is the
 * handshake's work. Adapters: `memory.ts` (simulation, embedding without a network) and `peerjs/` (browsers).
 */
export interface Transport {
  readonly peerId: PeerId
  readonly signaling: SignalingState
  /** Why signaling does not take us, in words for a person; undefined when it does, or gave no reason. */
  readonly signalingProblem: string | undefined
  /** Resolves when the first attempt to reach signaling has ended either way; keeps retrying with backoff after that. */
  start(events: TransportEvents): Promise<void>
  /** Ids present in this room by the signaling server's word: at most 32, random, unproven, without our own. */
  discover(signal: AbortSignal): Promise<readonly PeerId[]>
  /**
   * Opens a connection. Rejects with a TransportError: `peer-absent` (the server knows no such id), `no-path` (this
   * network does not let these two devices connect), `signaling-down`, `closed`; or with `signal.reason`. `index`: which
   * connection of a link it is to be; the other side is told, and only the handshake proves it. Default 0.
   */
  dial(peerId: PeerId, signal: AbortSignal, index?: number): Promise<Connection>
  /**
   * `network`: the device or its network is back, and signaling is reached anew at once, since what seems connected may be
   * dead. `shown`: a person looks again, and signaling is tried at once where it is down, and asked where it seems up.
   */
  hurry(news: 'network' | 'shown'): void
  /** Closes every connection and leaves signaling. Idempotent. */
  close(): Promise<void>
}

export interface TransportEvents {
  /** Another peer has opened a connection to us; both lanes are open. */
  onConnection(connection: Connection): void
  /** The state, or the problem with it, has changed. */
  onSignaling(state: SignalingState): void
}

/** A live pair of lanes to somebody. Nothing about the other side is proven. */
export interface Connection {
  /** The id that the signaling server names as the other side's. Unproven. */
  readonly claimedPeerId: string
  /** Which connection of a link it is by the dialler's word: 0 for the first. Unproven. */
  readonly index: number
  /** True on the side that dialled. */
  readonly isDialer: boolean
  /** SHA-256 of the certificate that this side's DTLS really used, 32 bytes. */
  readonly localCertificate: Uint8Array
  /** The same of the other side's. */
  readonly remoteCertificate: Uint8Array
  /** The largest message for {@link send}. */
  readonly maxMessageBytes: number
  /**
   * Messages that arrive while no handlers are attached are kept in order, up to 1 MiB (beyond it the connection closes),
   * and handed over by `attach`. Attaching again replaces the handlers.
   */
  attach(handlers: ConnectionHandlers): void
  /** Hands a message to the lane; false when the connection is closed. Delivery is proven by an application ack only. */
  send(lane: Lane, message: Uint8Array): boolean
  /** Bytes handed to the lane that have not left this side. */
  bufferedBytes(lane: Lane): number
  /** `onDrain` is called when `bufferedBytes` falls to this many or fewer. */
  setDrainThreshold(lane: Lane, bytes: number): void
  /** Idempotent. The other side sees `onClose` too, or finds out by silence. */
  close(reason: string): void
}

export interface ConnectionHandlers {
  /** The bytes are the handler's to keep. */
  onMessage(lane: Lane, message: Uint8Array): void
  onDrain(lane: Lane): void
  /** Once; no other call follows. */
  onClose(reason: string): void
}
