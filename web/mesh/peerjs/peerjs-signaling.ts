import { type DataConnection, Peer } from 'peerjs'
import type { Clock, PeerId, Random } from '../../base/index.ts'
import type { SignalingState } from '../transport/index.ts'
import { SignalingHeartbeat } from './peerjs-heartbeat.ts'
import { labelOf, readSignaling, type SignalingMessage } from './peerjs-screen.ts'

const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000
/** The server's word must come within this. */
const OPEN_LIMIT_MS = 10_000
/** Failures in a row after which the page may say that the server cannot be reached. */
const UNREACHABLE_FAILURES = 3
/** Attempts in a row that opened nothing, after which it is worth a request to ask why. */
const DIAGNOSED_FAILURES = 2

export interface PeerJsSignalingOptions {
  readonly peerId: PeerId
  readonly token: string
  readonly key: string
  readonly signalingUrl: string
  readonly iceServers: readonly RTCIceServer[]
  readonly clock: Clock
  readonly random: Random
}

export interface PeerJsSignalingEvents {
  onState(state: SignalingState): void
  /** An answer, candidate or absence; offers that are not taken up here never reach PeerJS. */
  onMessage(message: SignalingMessage): 'pass' | 'stop'
  onConnection(connection: DataConnection): void
  /** Why no connection opens, in words for a person, as far as it can be found out. Never rejects. */
  diagnose(): Promise<string | undefined>
}

/** A connection that lasted this long was none of several that end at once. */
const STABLE_MS = 10_000
/** Calls of `hurry` this soon after an attempt began are the same news. */
const SAME_NEWS_MS = 1000
const ID_TAKEN =
  'The id of this tab is taken: another tab goes by it in this room. Close that tab; this page tries again by itself.'

/** One PeerJS `Peer` after the other on the same id and token, with growing waits between attempts. */
export class PeerJsSignaling {
  readonly #options: PeerJsSignalingOptions
  readonly #events: PeerJsSignalingEvents
  #peer: Peer | undefined
  #state: SignalingState = 'retrying'
  #failures = 0
  #attemptedAt = Number.NEGATIVE_INFINITY
  #openedAt: number | undefined
  /** What the server said before it closed the connection. */
  #refusal: string | undefined
  /** Why attempts open nothing, as far as was found out; until one does. */
  #diagnosis: string | undefined
  #problem: string | undefined
  #cancelWait: (() => void) | undefined
  #isClosed = false
  #onFirst: (() => void) | undefined
  readonly #heartbeat: SignalingHeartbeat
  #connection = 0
  /** A list without us is believed once, until one names us again: servers that know nothing of each other may share an address. */
  #believesAbsence = true

  constructor(options: PeerJsSignalingOptions, events: PeerJsSignalingEvents) {
    this.#options = options
    this.#events = events
    this.#heartbeat = new SignalingHeartbeat({
      clock: options.clock,
      // A word to ourselves: every PeerJS server passes it on, keeps none of it, and none answers its HEARTBEAT.
      ask: () => this.#peer?.socket.send({ type: 'EXPIRE', payload: null, dst: options.peerId }),
      onSilent: () => this.#connectAnew(),
    })
  }

  get state(): SignalingState {
    return this.#state
  }

  /** Why the server does not take us, in words for a person. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Resolves when the first attempt has ended either way. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFirst = resolve
      this.#attempt()
    })
  }

  /** Undefined while signaling is down. */
  connect(peerId: PeerId, index: number): DataConnection | undefined {
    if (this.#state !== 'connected') return undefined
    return this.#peer?.connect(peerId, {
      serialization: 'raw',
      reliable: true,
      label: labelOf(index),
    })
  }

  /** Which connection is open, by number; undefined while signaling is down. */
  get connection(): number | undefined {
    return this.#state === 'connected' ? this.#connection : undefined
  }

  /** Whether the server's whole list, asked for while `connection` was open, names us. If not, it knows of no connection of ours. */
  onList(connection: number | undefined, namesUs: boolean): void {
    if (namesUs) this.#believesAbsence = true
    else if (this.#believesAbsence && connection !== undefined && connection === this.connection) {
      this.#believesAbsence = false
      this.#connectAnew()
    }
  }

  /**
   * `network`: the device or its network is back, so what seems open is dead: connects anew at once. `shown`: a person looks
   * again: connects at once where nothing is open, and asks the server where something is.
   */
  hurry(news: 'network' | 'shown'): void {
    if (news === 'shown' && this.#state === 'connected') this.#heartbeat.ask()
    else if (this.#options.clock.now() - this.#attemptedAt >= SAME_NEWS_MS) this.#connectAnew()
  }

  #connectAnew(): void {
    if (this.#isClosed || !this.#peer) return
    this.#peer.disconnect()
    this.#cancelWait?.()
    this.#failures = 0
    this.#attempt()
  }

  close(): void {
    this.#isClosed = true
    this.#heartbeat.stop()
    this.#cancelWait?.()
    this.#peer?.destroy()
    this.#onFirst?.()
  }

  #attempt(): void {
    this.#attemptedAt = this.#options.clock.now()
    this.#cancelWait = this.#options.clock.after(OPEN_LIMIT_MS, () => this.#peer?.disconnect())
    if (this.#peer && !this.#peer.destroyed) this.#peer.reconnect()
    else this.#peer = this.#createPeer()
  }

  #createPeer(): Peer {
    const { peerId, token, key, signalingUrl, iceServers } = this.#options
    const url = new URL(signalingUrl)
    const secure = url.protocol === 'https:'
    const peer = new Peer(peerId, {
      host: url.hostname,
      port: Number(url.port) || (secure ? 443 : 80),
      path: url.pathname,
      secure,
      key,
      token,
      debug: 0,
      config: { iceServers: [...iceServers] },
    })
    this.#screen(peer)
    peer.on('open', () => this.#onOpen(peer))
    peer.on('disconnected', () => this.#onDown(peer))
    peer.on('connection', (connection) => this.#events.onConnection(connection))
    // Without a listener PeerJS's errors would be thrown away as well; what they mean arrives by other events.
    peer.on('error', ignore)
    return peer
  }

  /** Puts {@link readSignaling} between PeerJS's socket and PeerJS. */
  #screen(peer: Peer): void {
    const socket = peer.socket
    const listeners = socket.listeners('message')
    socket.removeAllListeners('message')
    socket.on('message', (raw: unknown) => {
      const message = readSignaling(raw)
      this.#heartbeat.heard()
      if (message?.kind === 'absent' && message.src === this.#options.peerId)
        return this.#heartbeat.answered()
      if (message?.kind === 'server') this.#refusal = refusalOf(message)
      if (!message || this.#events.onMessage(message) === 'stop') return
      const passed = rebuild(message)
      try {
        for (const listener of listeners) listener.call(socket, passed)
      } catch {
        // The engine makes no further RTCPeerConnection: to the other side we are not there.
      }
    })
  }

  #onOpen(peer: Peer): void {
    if (peer !== this.#peer) return
    this.#cancelWait?.()
    this.#openedAt = this.#options.clock.now()
    this.#connection++
    this.#diagnosis = undefined
    this.#heartbeat.start()
    this.#setState('connected', undefined)
  }

  /** PeerJS says `disconnected` once for every attempt that ended, whatever ended it. */
  #onDown(peer: Peer): void {
    if (this.#isClosed || peer !== this.#peer) return
    this.#cancelWait?.()
    this.#heartbeat.stop()
    const hadOpened = this.#openedAt !== undefined
    // Two tabs of one id and token push each other out: each comes back more and more seldom.
    if (this.#openedAt !== undefined && this.#options.clock.now() - this.#openedAt >= STABLE_MS)
      this.#failures = 0
    this.#openedAt = undefined
    this.#failures++
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.#failures - 1), MAX_WAIT_MS)
    this.#cancelWait = this.#options.clock.after(wait * (0.5 + this.#options.random.float()), () =>
      this.#attempt(),
    )
    const problem = this.#refusal ?? this.#diagnosis
    this.#refusal = undefined
    this.#setState(this.#failures >= UNREACHABLE_FAILURES ? 'unreachable' : 'retrying', problem)
    if (!hadOpened && this.#failures >= DIAGNOSED_FAILURES) void this.#diagnose(this.#failures)
  }

  async #diagnose(failures: number): Promise<void> {
    const found = await this.#events.diagnose()
    if (this.#isClosed || this.#state === 'connected' || this.#failures !== failures) return
    this.#diagnosis = found
    this.#setState(this.#state, this.#problem ?? found)
  }

  #setState(state: SignalingState, problem: string | undefined): void {
    const hasChanged = state !== this.#state || problem !== this.#problem
    this.#state = state
    this.#problem = problem
    this.#onFirst?.()
    this.#onFirst = undefined
    if (hasChanged) this.#events.onState(state)
  }
}

function refusalOf({ type, payload }: SignalingMessage & { kind: 'server' }): string | undefined {
  if (type === 'OPEN') return undefined
  return type === 'ID-TAKEN' ? ID_TAKEN : `The signaling server refuses this page: ${payload.msg || type}.`
}

/** In the form that PeerJS reads. */
function rebuild(message: SignalingMessage): object {
  switch (message.kind) {
    case 'server':
      return { type: message.type, payload: message.payload }
    case 'offer':
      return { type: 'OFFER', src: message.src, payload: message.payload }
    case 'answer':
      return { type: 'ANSWER', src: message.src, payload: message.payload }
    case 'absent':
      return { type: 'EXPIRE', src: message.src }
    case 'candidate': {
      const { src, connectionId, candidate } = message
      return { type: 'CANDIDATE', src, payload: { type: 'data', connectionId, candidate } }
    }
  }
}

function ignore(): void {
  // Said above.
}
