import {
  abortable,
  type Clock,
  type PeerId,
  type Random,
  type RoomId,
  shuffled,
  sleep,
} from '../../base/index.ts'
import { TransportError } from './errors.ts'
import { MemoryConnection, type MemoryEnd, type MemoryLaw, type MemoryPath } from './memory-connection.ts'
import type { Connection, Lane, SignalingState, Transport, TransportEvents } from './transport.ts'

const MAX_DISCOVERED = 32
export const DEFAULT_MEMORY_PATH: MemoryPath = {
  latencyMs: 1,
  jitterMs: 0,
  loss: 0,
  retransmitMs: 100,
  bytesPerMs: Number.POSITIVE_INFINITY,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxMessageBytes: 256 * 1024,
  tailLoss: 0,
  breakAfterMs: 30_000,
}

export interface MemoryNetworkOptions {
  readonly clock: Clock
  readonly random: Random
  /** Default {@link DEFAULT_MEMORY_PATH}. */
  readonly path?: Partial<MemoryPath>
  /** How long a dial tries before it fails with `no-path`. Default 5000. */
  readonly dialTimeoutMs?: number
  /** How long signaling lists a killed node. Default 2000. */
  readonly staleListingMs?: number
  /** Sees every message at the moment of its delivery; for traces. */
  readonly onDelivery?: (from: PeerId, to: PeerId, lane: Lane, message: Uint8Array) => void
}

/** A network inside one process: for simulation, and for embedding nodes without a real one. */
export interface MemoryNetwork {
  /** A node's way in. Each call is a new life: what an earlier one with this id had stays as it is until closed or killed. */
  transport(peerId: PeerId, roomId: RoomId): Transport
  /** Nothing passes between the two groups. With `oneWay` only what the first sends to the second is held up. */
  partition(from: readonly PeerId[], to: readonly PeerId[], options?: { oneWay?: boolean }): void
  /** Ends all partitions; what the lanes held is delivered late. */
  heal(): void
  /** The node falls silent for good: its code may run on, nothing of it is heard and nothing reaches it. */
  kill(peerId: PeerId): void
  /** Holds everything that would call into the node, as a blocked tab does; {@link resume} hands it over in order. */
  pause(peerId: PeerId): void
  resume(peerId: PeerId): void
  /** Signaling for everybody, or for one peer. */
  setSignaling(isUp: boolean, peerId?: PeerId): void
  /** Closes both sides of every connection between the two, as a network that breaks them off. */
  breakConnections(a: PeerId, b: PeerId): void
}

/** A network whose every delay, loss and id sample comes from `random` and `clock`: the same seed runs the same way. */
export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new Network(options)
}

class Network implements MemoryNetwork {
  readonly law: MemoryLaw
  readonly clock: Clock
  readonly random: Random
  readonly dialTimeoutMs: number
  readonly staleListingMs: number
  readonly #live = new Set<MemoryTransport>()
  readonly #listed = new Map<PeerId, MemoryTransport>()
  readonly #blocked = new Set<string>()
  readonly #connections = new Set<MemoryConnection>()
  readonly #withoutSignaling = new Set<PeerId>()
  #isSignalingUp = true

  constructor(options: MemoryNetworkOptions) {
    this.clock = options.clock
    this.random = options.random
    this.dialTimeoutMs = options.dialTimeoutMs ?? 5000
    this.staleListingMs = options.staleListingMs ?? 2000
    this.law = {
      clock: options.clock,
      random: options.random,
      path: { ...DEFAULT_MEMORY_PATH, ...options.path },
      isOpen: (from, to) => this.#isOpen(from, to),
      onDelivery: (from, to, lane, message) => options.onDelivery?.(from, to, lane, message),
      onEnd: (connection) => this.#connections.delete(connection),
    }
  }

  transport(peerId: PeerId, roomId: RoomId): Transport {
    return new MemoryTransport(this, peerId, roomId)
  }

  partition(from: readonly PeerId[], to: readonly PeerId[], options?: { oneWay?: boolean }): void {
    for (const a of from) {
      for (const b of to) {
        this.#blocked.add(`${a}>${b}`)
        if (!options?.oneWay) this.#blocked.add(`${b}>${a}`)
      }
    }
    const { breakAfterMs } = this.law.path
    for (const connection of this.#connections) {
      if (!this.#isCut(connection)) continue
      const generation = this.#generation
      this.clock.after(breakAfterMs, () => {
        if (generation === this.#generation) connection.finish('the path broke')
      })
    }
  }

  #generation = 0

  heal(): void {
    this.#generation++
    this.#blocked.clear()
    for (const connection of this.#connections) connection.pumpAll()
  }

  kill(peerId: PeerId): void {
    for (const transport of this.#live) {
      if (transport.peerId !== peerId) continue
      transport.die()
      this.#live.delete(transport)
      this.clock.after(this.staleListingMs, () => this.unlist(transport))
      for (const connection of this.#connections) {
        if (connection.end !== transport && connection.other.end !== transport) continue
        this.clock.after(this.law.path.breakAfterMs, () => connection.finish('the path broke'))
      }
    }
  }

  pause(peerId: PeerId): void {
    for (const transport of this.#live) if (transport.peerId === peerId) transport.pause()
  }

  resume(peerId: PeerId): void {
    for (const transport of [...this.#live]) if (transport.peerId === peerId) transport.resume()
  }

  setSignaling(isUp: boolean, peerId?: PeerId): void {
    if (peerId === undefined) this.#isSignalingUp = isUp
    else if (isUp) this.#withoutSignaling.delete(peerId)
    else this.#withoutSignaling.add(peerId)
    for (const transport of this.#live)
      if (transport.isStarted) transport.setSignaling(this.hasSignaling(transport.peerId))
  }

  breakConnections(a: PeerId, b: PeerId): void {
    for (const connection of [...this.#connections]) {
      if (connection.end.peerId === a && connection.claimedPeerId === b) {
        connection.other.finish('the path broke')
        connection.finish('the path broke')
      }
    }
  }

  hasSignaling(peerId: PeerId): boolean {
    return this.#isSignalingUp && !this.#withoutSignaling.has(peerId)
  }

  list(transport: MemoryTransport): void {
    this.#live.add(transport)
    this.#listed.set(transport.peerId, transport)
  }

  unlist(transport: MemoryTransport): void {
    this.#live.delete(transport)
    if (this.#listed.get(transport.peerId) === transport) this.#listed.delete(transport.peerId)
  }

  /** What the signaling server would answer a node of this room. */
  sample(roomId: RoomId, without: PeerId): readonly PeerId[] {
    const ids: PeerId[] = []
    for (const [peerId, transport] of this.#listed) {
      if (transport.roomId === roomId && peerId !== without && this.hasSignaling(peerId)) ids.push(peerId)
    }
    return shuffled(this.random, ids).slice(0, MAX_DISCOVERED)
  }

  find(roomId: RoomId, peerId: PeerId): MemoryTransport | undefined {
    const transport = this.#listed.get(peerId)
    return transport?.roomId === roomId && this.hasSignaling(peerId) ? transport : undefined
  }

  canConnect(a: MemoryEnd, b: MemoryEnd): boolean {
    return this.#isOpen(a, b) && this.#isOpen(b, a)
  }

  connect(
    dialer: MemoryTransport,
    dialled: MemoryTransport,
    index: number,
  ): [MemoryConnection, MemoryConnection] {
    const pair = MemoryConnection.pair(this.law, dialer, dialled, index)
    for (const connection of pair) this.#connections.add(connection)
    return pair
  }

  closeAll(transport: MemoryTransport, reason: string): void {
    for (const connection of [...this.#connections])
      if (connection.end === transport) connection.close(reason)
  }

  #isOpen(from: MemoryEnd, to: MemoryEnd): boolean {
    if (from instanceof MemoryTransport && from.isDead) return false
    if (to instanceof MemoryTransport && to.isDead) return false
    return !this.#blocked.has(`${from.peerId}>${to.peerId}`)
  }

  #isCut(connection: MemoryConnection): boolean {
    return !this.canConnect(connection.end, connection.other.end)
  }
}

class MemoryTransport implements Transport, MemoryEnd {
  readonly peerId: PeerId
  readonly roomId: RoomId
  readonly #network: Network
  readonly #ended = new AbortController()
  #events: TransportEvents | undefined
  #waiting: (() => void)[] | undefined
  #signaling: SignalingState = 'unreachable'
  readonly signalingProblem: undefined
  isDead = false

  constructor(network: Network, peerId: PeerId, roomId: RoomId) {
    this.#network = network
    this.peerId = peerId
    this.roomId = roomId
  }

  get signaling(): SignalingState {
    return this.#signaling
  }

  get isStarted(): boolean {
    return this.#events !== undefined
  }

  async start(events: TransportEvents): Promise<void> {
    this.#events = events
    this.#network.list(this)
    await this.#roundTrip(this.#ended.signal)
    this.#signaling = this.#network.hasSignaling(this.peerId) ? 'connected' : 'unreachable'
  }

  async discover(signal: AbortSignal): Promise<readonly PeerId[]> {
    await this.#roundTrip(signal)
    if (!this.#network.hasSignaling(this.peerId))
      throw new TransportError('signaling-down', 'signaling is down')
    return this.#network.sample(this.roomId, this.peerId)
  }

  async dial(peerId: PeerId, signal: AbortSignal, index = 0): Promise<Connection> {
    await this.#roundTrip(signal)
    if (!this.#network.hasSignaling(this.peerId))
      throw new TransportError('signaling-down', 'signaling is down')
    const target = this.#network.find(this.roomId, peerId)
    if (!target || target === this) throw new TransportError('peer-absent', `signaling knows no ${peerId}`)
    await this.#roundTrip(signal)
    if (!this.#network.canConnect(this, target)) {
      await sleep(
        this.#network.clock,
        this.#network.dialTimeoutMs,
        AbortSignal.any([signal, this.#ended.signal]),
      )
      throw new TransportError('no-path', 'this network does not let these two devices connect')
    }
    const [mine, theirs] = this.#network.connect(this, target, index)
    target.run(() => target.#accept(theirs))
    return mine
  }

  hurry(): void {
    // Its signaling tells at once whether it is up.
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return
    this.#ended.abort(new TransportError('closed', 'the transport is closed'))
    this.#network.unlist(this)
    this.#network.closeAll(this, 'the peer has gone')
    this.#signaling = 'unreachable'
  }

  run(task: () => void): void {
    if (this.isDead) return
    if (this.#waiting) this.#waiting.push(task)
    else task()
  }

  die(): void {
    this.isDead = true
  }

  pause(): void {
    this.#waiting ??= []
  }

  resume(): void {
    const tasks = this.#waiting ?? []
    this.#waiting = undefined
    for (const task of tasks) this.#network.clock.after(0, () => this.run(task))
  }

  setSignaling(isUp: boolean): void {
    const state = isUp ? 'connected' : 'retrying'
    if (state === this.#signaling || this.#ended.signal.aborted) return
    this.run(() => {
      this.#signaling = state
      this.#events?.onSignaling(state)
    })
  }

  #accept(connection: MemoryConnection): void {
    if (this.#ended.signal.aborted || connection.isClosed) connection.close('nobody listens')
    else this.#events?.onConnection(connection)
  }

  async #roundTrip(signal: AbortSignal): Promise<void> {
    if (this.#ended.signal.aborted) throw this.#ended.signal.reason
    const { latencyMs } = this.#network.law.path
    const trip = sleep(this.#network.clock, 2 * latencyMs, AbortSignal.any([signal, this.#ended.signal]))
    await abortable(trip, signal)
    if (this.isDead) await new Promise<never>(() => {})
  }
}
