import type { DataConnection } from 'peerjs'
import type { Clock, PeerId, Random } from '../../base/index.ts'
import {
  type Connection,
  type SignalingState,
  type Transport,
  TransportError,
  type TransportEvents,
} from '../transport/index.ts'
import { createBulkChannel, PeerJsConnection } from './peerjs-connection.ts'
import { diagnoseSignaling } from './peerjs-diagnosis.ts'
import { listPeers } from './peerjs-listing.ts'
import { indexOf, type SignalingMessage } from './peerjs-screen.ts'
import { PeerJsSignaling } from './peerjs-signaling.ts'

/** From the first word to two open lanes. */
const OPEN_LIMIT_MS = 15_000
/** Incoming connections that are not open yet. */
const MAX_HALF_OPEN = 24
const MAX_HALF_OPEN_PER_PEER = 8
const MAX_CANDIDATES = 64
const MAX_DISCOVERED = 32

export interface PeerJsTransportOptions {
  readonly peerId: PeerId
  /** Our proof to the signaling server that the id is ours: 1 to 64 letters and digits, the same after a reload. */
  readonly token: string
  /** The room id: peers of one key find each other. */
  readonly key: string
  /** http or https, with a path if the server has one. */
  readonly signalingUrl: string
  /** Default: none, so that nothing leaves the local network. */
  readonly iceServers?: readonly RTCIceServer[]
  readonly clock: Clock
  readonly random: Random
}

/** Connects tabs through a PeerJS signaling server. `close` does all it does before it returns, so `pagehide` may call it. */
export function createPeerJsTransport(options: PeerJsTransportOptions): Transport {
  return new PeerJsTransport(options)
}

/** A connection between its offer and its opening. */
interface HalfOpen {
  readonly peerId: string
  readonly isDialer: boolean
  readonly peerConnection: RTCPeerConnection
  candidates: number
  isAnswered: boolean
  /** Ends it with the reason. */
  readonly fail: (error: unknown) => void
}

class PeerJsTransport implements Transport {
  readonly peerId: PeerId
  readonly #options: PeerJsTransportOptions
  readonly #signaling: PeerJsSignaling
  /** By connection id and peer. */
  readonly #halfOpen = new Map<string, HalfOpen>()
  readonly #open = new Map<string, PeerJsConnection>()
  #events: TransportEvents | undefined
  #isClosed = false

  constructor(options: PeerJsTransportOptions) {
    this.#options = options
    this.peerId = options.peerId
    this.#signaling = new PeerJsSignaling(
      { ...options, iceServers: options.iceServers ?? [] },
      {
        onState: (state) => this.#events?.onSignaling(state),
        onMessage: (message) => this.#onSignalingMessage(message),
        onConnection: (connection) => this.#onIncoming(connection),
        diagnose: () => diagnoseSignaling(options.signalingUrl, options.key),
      },
    )
  }

  get signaling(): SignalingState {
    return this.#signaling.state
  }

  get signalingProblem(): string | undefined {
    return this.#signaling.problem
  }

  start(events: TransportEvents): Promise<void> {
    this.#events = events
    return this.#signaling.start()
  }

  async discover(signal: AbortSignal): Promise<readonly PeerId[]> {
    if (this.#isClosed) throw new TransportError('closed', 'the transport is closed')
    const { connection } = this.#signaling
    const { peerIds, isWhole } = await listPeers(this.#options.signalingUrl, this.#options.key, signal)
    if (isWhole) this.#signaling.onList(connection, peerIds.includes(this.peerId))
    return peerIds.filter((id) => id !== this.peerId).slice(0, MAX_DISCOVERED)
  }

  async dial(peerId: PeerId, signal: AbortSignal, index = 0): Promise<Connection> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new TransportError('closed', 'the transport is closed')
    const dialled = this.#signaling.connect(peerId, index)
    if (!dialled) throw new TransportError('signaling-down', 'the signaling server cannot be reached')
    return await this.#complete(dialled, true, signal)
  }

  hurry(news: 'network' | 'shown'): void {
    this.#signaling.hurry(news)
  }

  close(): Promise<void> {
    this.#isClosed = true
    const error = new TransportError('closed', 'the transport is closed')
    for (const halfOpen of [...this.#halfOpen.values()]) halfOpen.fail(error)
    for (const connection of [...this.#open.values()]) connection.close('the transport is closed')
    this.#signaling.close()
    return Promise.resolve()
  }

  #onIncoming(incoming: DataConnection): void {
    this.#complete(incoming, false, undefined).then(
      (connection) => this.#events?.onConnection(connection),
      () => {
        // Somebody began a connection and did not finish it. That is theirs to report.
      },
    )
  }

  /** Resolves when both lanes are open. Whatever goes wrong, nothing of it is left behind. */
  async #complete(
    data: DataConnection,
    isDialer: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    const key = keyOf(data.peer, data.connectionId)
    const { peerConnection } = data
    let fail: (error: unknown) => void = () => undefined
    const failed = new Promise<never>((_, reject) => {
      fail = reject
    })
    this.#halfOpen.set(key, {
      peerId: data.peer,
      isDialer,
      peerConnection,
      candidates: 0,
      isAnswered: false,
      fail,
    })
    const onAbort = () => fail(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    const cancelLimit = this.#options.clock.after(OPEN_LIMIT_MS, () =>
      fail(new TransportError('no-path', 'this network does not let these two devices connect')),
    )
    peerConnection.addEventListener('iceconnectionstatechange', () => {
      // PeerJS hears of `failed` first and closes.
      if (['failed', 'closed'].includes(peerConnection.iceConnectionState)) {
        fail(new TransportError('no-path', 'this network does not let these two devices connect'))
      }
    })
    let connection: PeerJsConnection | undefined
    try {
      const bulk = createBulkChannel(peerConnection)
      const control = isDialer ? data.dataChannel : await Promise.race([firstChannel(peerConnection), failed])
      connection = this.#wrap(data, peerConnection, { control, bulk }, isDialer)
      await Promise.race([connection.opened(), failed])
      return connection
    } catch (error) {
      connection?.close('not opened')
      peerConnection.close()
      data.close()
      throw error
    } finally {
      failed.catch(() => undefined)
      cancelLimit()
      signal?.removeEventListener('abort', onAbort)
      this.#halfOpen.delete(key)
    }
  }

  #wrap(
    data: DataConnection,
    peerConnection: RTCPeerConnection,
    channels: { control: RTCDataChannel; bulk: RTCDataChannel },
    isDialer: boolean,
  ): PeerJsConnection {
    // A channel that is opened later is nobody's: PeerJS would take it for its own.
    peerConnection.ondatachannel = ({ channel }) => channel.close()
    const connection: PeerJsConnection = new PeerJsConnection({
      peerConnection,
      channels,
      claimedPeerId: data.peer,
      index: indexOf(data.label),
      isDialer,
      onEnd: () => {
        this.#open.delete(keyOf(data.peer, data.connectionId))
        data.close()
      },
    })
    this.#open.set(keyOf(data.peer, data.connectionId), connection)
    return connection
  }

  #onSignalingMessage(message: SignalingMessage): 'pass' | 'stop' {
    switch (message.kind) {
      case 'server':
        return 'pass'
      case 'absent':
        this.#onAbsent(message.src)
        return 'stop'
      case 'offer':
        return this.#takesOffer(message.src, message.connectionId) ? 'pass' : 'stop'
      case 'answer': {
        const dialled = this.#halfOpen.get(keyOf(message.src, message.connectionId))
        if (!dialled?.isDialer || dialled.isAnswered) return 'stop'
        dialled.isAnswered = true
        return 'pass'
      }
      case 'candidate':
        this.#addCandidate(keyOf(message.src, message.connectionId), message.candidate)
        return 'stop'
    }
  }

  /** Not left to PeerJS, which fails with an uncaught error when the connection closes meanwhile. */
  #addCandidate(key: string, candidate: RTCIceCandidateInit): void {
    const halfOpen = this.#halfOpen.get(key)
    if (!halfOpen || ++halfOpen.candidates > MAX_CANDIDATES) return
    halfOpen.peerConnection.addIceCandidate(candidate).catch(() => {
      // A candidate that is of no use; others may be.
    })
  }

  #onAbsent(peerId: string): void {
    for (const halfOpen of [...this.#halfOpen.values()]) {
      if (!halfOpen.isDialer || halfOpen.isAnswered || halfOpen.peerId !== peerId) continue
      halfOpen.fail(new TransportError('peer-absent', 'the signaling server does not know this peer'))
    }
  }

  #takesOffer(peerId: string, connectionId: string): boolean {
    const key = keyOf(peerId, connectionId)
    if (this.#isClosed || this.#halfOpen.has(key) || this.#open.has(key)) return false
    const incoming = [...this.#halfOpen.values()].filter((halfOpen) => !halfOpen.isDialer)
    if (incoming.length >= MAX_HALF_OPEN) return false
    return incoming.filter((halfOpen) => halfOpen.peerId === peerId).length < MAX_HALF_OPEN_PER_PEER
  }
}

function firstChannel(peerConnection: RTCPeerConnection): Promise<RTCDataChannel> {
  return new Promise((resolve) => {
    peerConnection.ondatachannel = ({ channel }) => {
      // Its first messages may come before anybody has had time to listen.
      resolve(channel)
    }
  })
}

function keyOf(peerId: string, connectionId: string): string {
  return `${connectionId} ${peerId}`
}
