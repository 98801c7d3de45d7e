import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type Server, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { type AddressCount, Addresses } from './addresses.ts'
import type { Admission } from './admission.ts'
import { Bucket } from './bucket.ts'
import { endUpgrade } from './end-upgrade.ts'
import type { Metrics, Refusal } from './metrics.ts'
import { type Settings, withoutBase } from './options.ts'
import { type PendingMessage, PendingMessages } from './pending.ts'
import {
  CLOSE,
  type ErrorReason,
  errorFrame,
  expireFrame,
  type Frame,
  OPEN_FRAME,
  parseFrame,
  stamp,
} from './protocol.ts'
import { readQuery } from './query.ts'
import { type Peer, Registry } from './registry.ts'

/** Missing this many pings in a row ends a connection. */
const SILENT_ROUNDS = 3
/** The slots of a round of pings: each tick serves one, so that no two ticks carry all connections. */
const PING_SLOTS = 20
/** A malformed frame costs as much as this many good ones. */
const MALFORMED_TOKENS = 10
/** So does one that its reader has no place for. */
const UNREAD_TOKENS = 10
/** A frame costs one, and one more for each whole KiB. */
const TOKEN_SHIFT = 10
/** Larger ones may take only half of a reader's place, so that who sends much does not keep out who sends little. */
const SMALL_FRAME_BYTES = 4_096
const EXPIRE_SWEEP_MS = 500
/** How long a closing connection may take to answer before it is cut. */
const CLOSE_TIMEOUT_MS = 1_000
const MAX_FRAGMENTS = 64
const MAX_BUFFERED_CHUNKS = 4_096
const TEXT = { binary: false } as const

/** What a WebSocket carries for us; the listeners are shared functions, so that an idle connection costs no closures. */
class PeerSocket extends WebSocket {
  connections: Connections | undefined = undefined
  peer: Peer<PeerSocket> | undefined = undefined
  address: AddressCount | undefined = undefined
  bucketFullAtMs = 0
  silentRounds = 0
  slot = 0
}

/** The WebSocket side: who may open one, what happens to their frames, and how they end. */
export class Connections {
  readonly #settings: Settings
  readonly #metrics: Metrics
  readonly #registry: Registry<PeerSocket>
  readonly #pending: PendingMessages
  readonly #bucket: Bucket
  readonly #addresses: Addresses
  readonly #admission: Admission
  readonly #server: Server<typeof PeerSocket>
  readonly #slots: readonly Set<PeerSocket>[] = Array.from(
    { length: PING_SLOTS },
    () => new Set<PeerSocket>(),
  )
  readonly #path: string
  readonly #accept: (socket: PeerSocket, request: IncomingMessage) => void
  readonly #stopTimers: readonly (() => void)[]
  #nextSlot = 0
  #pingedSlot = 0
  #onEmpty: (() => void) | undefined

  constructor(settings: Settings, metrics: Metrics, admission: Admission) {
    const { limits, clock } = settings
    this.#settings = settings
    this.#metrics = metrics
    this.#path = `${settings.path}peerjs`
    this.#registry = new Registry(limits)
    this.#pending = new PendingMessages(limits)
    this.#bucket = new Bucket(limits.framesPerSecond, limits.frameBurst)
    this.#addresses = new Addresses(limits.peersPerAddress, settings.trustProxy)
    this.#admission = admission
    // `closeTimeout` is not in the types yet.
    const options: ServerOptions<typeof PeerSocket> & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      autoPong: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      WebSocket: PeerSocket,
    }
    this.#server = new WebSocketServer(options)
    this.#accept = (socket, request) => this.#onOpen(socket, request)
    this.#stopTimers = [
      clock.every(limits.pingMs / PING_SLOTS, () => this.#pingSlot()),
      clock.every(EXPIRE_SWEEP_MS, () => this.#expire()),
    ]
  }

  get gauges() {
    const { peers, keys } = this.#registry
    return { peers, keys, pendingMessages: this.#pending.messages, pendingBytes: this.#pending.bytes }
  }

  hasPeer(key: string, id: string): boolean {
    return this.#registry.find(key, id) !== undefined
  }

  sample(key: string, count: number): string[] {
    return this.#registry.sample(key, count, this.#settings.random)
  }

  /** Takes over the socket of an upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = request.url ?? ''
    const query = url.indexOf('?')
    const path = query === -1 ? url : url.slice(0, query)
    if (withoutBase(this.#settings, path) !== this.#path) {
      this.#metrics.refuse('path')
      endUpgrade(socket, '400 Bad Request')
      return
    }
    const refused = this.#admission.refusal(request)
    if (refused !== undefined)
      endUpgrade(socket, refused.reason === 'host' ? '421 Misdirected Request' : '403 Forbidden')
    else this.#server.handleUpgrade(request, socket, head, this.#accept)
  }

  /** Says goodbye to everyone; resolves when all have answered or `drainMs` are over. */
  async close(reason: string): Promise<void> {
    for (const stop of this.#stopTimers) stop()
    const drained = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    const words = shorten(reason)
    for (const socket of this.#everyone()) socket.close(CLOSE.goingAway, words)
    const late = setTimeout(() => this.#onEmpty?.(), this.#settings.limits.drainMs)
    this.#checkEmpty()
    await drained
    clearTimeout(late)
    for (const socket of this.#everyone()) socket.terminate()
  }

  receive(socket: PeerSocket, data: RawData, isBinary: boolean): void {
    socket.silentRounds = 0
    const { peer } = socket
    if (peer === undefined || socket.readyState !== WebSocket.OPEN) return
    if (!this.#pay(socket, Buffer.isBuffer(data) ? this.#costOf(data.length) : 1)) return
    if (isBinary || !Buffer.isBuffer(data)) {
      this.#metrics.refuse('binary')
      socket.close(CLOSE.textOnly, 'text frames only')
      return
    }
    const frame = parseFrame(data.toString())
    if (frame?.kind === 'relay') this.#relay(socket, peer, frame, stamp(frame, data, peer.id))
    else if (frame === undefined) this.#penalise(socket)
    else if (frame.kind === 'leave') this.#leave(socket)
  }

  /** Pings cost as much as frames, and are answered only when paid for. Who does not read the answers is cut. */
  receivePing(socket: PeerSocket, data: Buffer): void {
    socket.silentRounds = 0
    if (socket.readyState !== WebSocket.OPEN || !this.#pay(socket, 1)) return
    if (this.#hasPlace(socket, data.length)) socket.pong(data)
    else this.#cut(socket)
  }

  /** Nobody asks for more than one each {@link Limits.pingMs}. */
  receivePong(socket: PeerSocket): void {
    socket.silentRounds = 0
    if (socket.readyState === WebSocket.OPEN) this.#pay(socket, 1)
  }

  receiveError(): void {
    this.#metrics.refuse('protocol')
  }

  ended(socket: PeerSocket): void {
    this.#release(socket)
    this.#slots[socket.slot]?.delete(socket)
    if (socket.address !== undefined) this.#addresses.leave(socket.address)
    if (this.#onEmpty !== undefined) this.#checkEmpty()
  }

  #penalise(socket: PeerSocket): void {
    this.#metrics.refuse('malformed')
    this.#pay(socket, MALFORMED_TOKENS - 1)
  }

  #leave(socket: PeerSocket): void {
    this.#release(socket)
    socket.close(CLOSE.left, 'left')
  }

  #onOpen(socket: PeerSocket, request: IncomingMessage): void {
    this.#metrics.connections++
    socket.connections = this
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.slot = this.#nextSlot
    this.#nextSlot = (this.#nextSlot + 1) % PING_SLOTS
    this.#slots[socket.slot]?.add(socket)
    const query = readQuery(request.url ?? '')
    if (query.problem !== undefined) {
      this.#refuse(socket, query.problem)
      return
    }
    socket.address = this.#addresses.enter(request)
    if (socket.address === undefined) this.#refuse(socket, 'address')
    else this.#register(socket, query.key, query.id, query.token)
  }

  #register(socket: PeerSocket, key: string, id: string, token: string): void {
    const registration = this.#registry.register(key, id, token, socket)
    if (
      registration.outcome === 'taken' ||
      registration.outcome === 'full' ||
      registration.outcome === 'keyFull'
    ) {
      this.#refuse(socket, registration.outcome)
      return
    }
    socket.peer = registration.peer
    socket.on('message', onMessage)
    socket.on('ping', onPing)
    socket.on('pong', onPong)
    if (registration.outcome === 'reattached') this.#replace(registration.replaced)
    socket.send(OPEN_FRAME, TEXT)
    for (const message of this.#pending.take(key, id)) this.#deliver(registration.peer, message)
    this.#settings.log.debug('opened', () => ({ key, id, outcome: registration.outcome }))
  }

  #replace(old: PeerSocket): void {
    this.#metrics.reattached++
    old.peer = undefined
    old.close(CLOSE.replaced, 'replaced by a newer connection')
  }

  #refuse(socket: PeerSocket, reason: Refusal & ErrorReason): void {
    this.#metrics.refuse(reason)
    socket.send(errorFrame(reason), TEXT)
    socket.close()
  }

  /** False, and the connection on its way out, where it has used up its share. */
  #pay(socket: PeerSocket, tokens: number): boolean {
    const next = this.#bucket.take(socket.bucketFullAtMs, this.#settings.clock.now(), tokens)
    if (next !== undefined) {
      socket.bucketFullAtMs = next
      return true
    }
    this.#metrics.refuse('rate')
    this.#release(socket)
    socket.close(CLOSE.tooFast, 'too many frames')
    // What it still sends is left unread until the time limit of its closing.
    socket.pause()
    return false
  }

  #costOf(bytes: number): number {
    return Math.min(1 + (bytes >> TOKEN_SHIFT), this.#settings.limits.frameBurst)
  }

  #relay(socket: PeerSocket, from: Peer<PeerSocket>, frame: Frame & { kind: 'relay' }, bytes: Buffer): void {
    const target = from.room.byId.get(frame.dst)
    if (target !== undefined && target.link.readyState === WebSocket.OPEN) {
      if (!this.#send(target, bytes)) this.#refuseUnread(socket, from, frame.dst)
      return
    }
    // An absent peer has no links to end and no answers to wait for.
    if (frame.type === 'LEAVE' || frame.type === 'EXPIRE') return
    const { key } = from.room
    if (
      frame.dst.length <= 64 &&
      this.#pending.add(key, from.id, frame.dst, bytes, this.#settings.clock.now())
    ) {
      this.#metrics.queued++
      return
    }
    this.#sendExpire(key, from.id, frame.dst)
  }

  /** The reader has too much unread: that is not its fault, but of who sends so much. */
  #refuseUnread(socket: PeerSocket, from: Peer<PeerSocket>, dst: string): void {
    this.#metrics.refuse('unread')
    if (this.#pay(socket, UNREAD_TOKENS)) this.#sendExpire(from.room.key, from.id, dst)
  }

  #deliver(peer: Peer<PeerSocket>, message: PendingMessage): void {
    if (!this.#send(peer, message.bytes)) this.#sendExpire(message.key, message.src, message.dst)
  }

  /** False where the peer cannot take it: its connection is ending, or it has too much unread. */
  #send(peer: Peer<PeerSocket>, bytes: Buffer | string): boolean {
    const { link } = peer
    if (link.readyState !== WebSocket.OPEN || !this.#hasPlace(link, bytes.length)) return false
    this.#metrics.relayed++
    this.#metrics.relayedBytes += bytes.length
    link.send(bytes, TEXT)
    return true
  }

  #hasPlace(socket: PeerSocket, bytes: number): boolean {
    const { bufferedBytes } = this.#settings.limits
    return socket.bufferedAmount <= (bytes > SMALL_FRAME_BYTES ? bufferedBytes / 2 : bufferedBytes)
  }

  #cut(socket: PeerSocket): void {
    this.#metrics.refuse('slow')
    this.#release(socket)
    socket.terminate()
  }

  #expire(): void {
    for (const { key, src, dst } of this.#pending.expire(this.#settings.clock.now()))
      this.#sendExpire(key, src, dst)
  }

  #sendExpire(key: string, src: string, dst: string): void {
    const sender = this.#registry.find(key, src)
    if (sender !== undefined && this.#send(sender, expireFrame(dst, src))) this.#metrics.expired++
  }

  #release(socket: PeerSocket): void {
    const { peer } = socket
    if (peer === undefined) return
    socket.peer = undefined
    this.#registry.release(peer, socket)
    this.#settings.log.debug('released', () => ({ key: peer.room.key, id: peer.id }))
  }

  #pingSlot(): void {
    for (const socket of this.#slots[this.#pingedSlot] ?? []) {
      if (socket.silentRounds >= SILENT_ROUNDS) {
        this.#metrics.refuse('silent')
        socket.terminate()
      } else {
        socket.silentRounds++
        if (socket.readyState === WebSocket.OPEN) socket.ping()
      }
    }
    this.#pingedSlot = (this.#pingedSlot + 1) % PING_SLOTS
  }

  #checkEmpty(): void {
    if (this.#slots.every((slot) => slot.size === 0)) this.#onEmpty?.()
  }

  *#everyone(): Iterable<PeerSocket> {
    for (const slot of this.#slots) yield* slot
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  if (this instanceof PeerSocket) this.connections?.receive(this, data, isBinary)
}

function onPing(this: WebSocket, data: Buffer): void {
  if (this instanceof PeerSocket) this.connections?.receivePing(this, data)
}

function onPong(this: WebSocket): void {
  if (this instanceof PeerSocket) this.connections?.receivePong(this)
}

function onError(this: WebSocket): void {
  if (this instanceof PeerSocket) this.connections?.receiveError()
}

function onClose(this: WebSocket): void {
  if (this instanceof PeerSocket) this.connections?.ended(this)
}

/** A close reason has at most 123 bytes. */
function shorten(reason: string): string {
  let text = reason.slice(0, 123)
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1)
  return text
}
