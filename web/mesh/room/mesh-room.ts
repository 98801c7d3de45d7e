import {
  type Clock,
  every,
  Listeners,
  type PeerId,
  type RoomId,
  randomToken,
  type SessionId,
} from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { type CallOptions, type RequestHandler, Rpc } from '../calls/index.ts'
import { Connector, Door } from '../connect/index.ts'
import { type ProvenPeer, ROOM_FULL } from '../handshake/index.ts'
import type { LinkEnd } from '../link/index.ts'
import { type LinkEntry, Links } from '../links/index.ts'
import {
  type Announcement,
  isProfile,
  type Member,
  type MemberProfile,
  Membership,
  type MembershipChange,
} from '../membership/index.ts'
import { type Connection, type SignalingState, TransportError } from '../transport/index.ts'
import { PeerViews } from './peer-views.ts'
import type { PeerView, Room, RoomEnd } from './room.ts'
import type { RoomOptions } from './room-options.ts'

/** Changes within this time are announced together. */
const TELL_AFTER_MS = 5
/** How often {@link Room.onChange} tells of new figures. */
const FIGURES_MS = 2000
/** After this long a node is no newcomer any more; see `isBeyond`. */
const SETTLE_MS = 10_000
export type MeshRoomOptions = RoomOptions & { readonly maxMembers: number }

/** The room over a transport; see {@link Room} for the contract and the README for the rules. */
export class MeshRoom implements Room {
  readonly roomId: RoomId
  readonly closed: Promise<RoomEnd>
  readonly #options: MeshRoomOptions
  readonly #clock: Clock
  readonly #me: ProvenPeer
  readonly #membership: Membership
  readonly #links: Links
  readonly #rpc: Rpc
  readonly #connector: Connector
  readonly #views: PeerViews
  readonly #onMembership = new Listeners<[MembershipChange]>()
  readonly #onChange = new Listeners<[]>()
  readonly #ended = new AbortController()
  readonly #resolveClosed: (end: RoomEnd) => void
  #cancelTell: (() => void) | undefined
  #cancelFigures: (() => void) | undefined
  #cancelSettle: (() => void) | undefined
  #leaving: Promise<void> | undefined

  constructor(options: MeshRoomOptions) {
    const { transport, clock, random } = options
    this.#options = options
    this.#clock = clock
    this.roomId = options.room.roomId
    const sessionId = randomToken(random) as SessionId
    this.#me = { peerId: transport.peerId, sessionId, deviceId: options.deviceId }
    let resolveClosed: (end: RoomEnd) => void = () => {}
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve
    })
    this.#resolveClosed = resolveClosed
    const selfId = transport.peerId
    const membership = new Membership({ clock, self: this.#me, profile: options.profile })
    this.#membership = membership
    this.#links = new Links({
      clock,
      selfId,
      membership,
      onCall: (from, lane, message) => this.#rpc.receive(from, lane, message),
      onAnnouncement: (from, announcement) => this.#learn(from, announcement),
      onDown: (entry, end) => this.#onLinkDown(entry, end),
      openFurther: (peerId, index, further) => this.#connector.openFurther(peerId, index, further),
    })
    const links = this.#links
    this.#rpc = new Rpc({
      clock,
      send: (to, lane, message, signal) => links.send(to, lane, message, signal),
      via: (to) => links.via(to),
      isMember: (peerId) => this.member(peerId) !== undefined,
    })
    const door = new Door({
      room: options,
      maxMembers: options.maxMembers,
      me: this.#me,
      membership,
      links,
      onProven: (peer, connection) => this.#onProven(peer, connection),
      onRefused: (peerId, error) => this.#views.onRefused(peerId, error),
      onVerdict: (end) => this.#end(end),
    })
    this.#connector = new Connector({
      room: options,
      links,
      door,
      isMissed: (peerId) => this.member(peerId) !== undefined || this.#views.isMissed(peerId),
      onChange: () => this.#changed(),
    })
    this.#views = new PeerViews({ clock, membership, links, dialer: this.#connector.dialer })
  }

  get self(): Member {
    return this.#membership.self
  }

  get signaling(): SignalingState {
    return this.#options.transport.signaling
  }

  get signalingProblem(): string | undefined {
    return this.#options.transport.signalingProblem
  }

  get version(): number {
    return this.#membership.version
  }

  members(): readonly Member[] {
    return this.#membership.members
  }

  member(peerId: PeerId): Member | undefined {
    return this.#membership.members.find((member) => member.peerId === peerId)
  }

  peers(): readonly PeerView[] {
    return this.#views.all()
  }

  onMembership(listener: (change: MembershipChange) => void): () => void {
    return this.#onMembership.add(listener)
  }

  onChange(listener: () => void): () => void {
    return this.#onChange.add(listener)
  }

  updateProfile(profile: Partial<MemberProfile>): void {
    if (!isProfile({ ...this.#membership.own, ...profile }))
      throw new TypeError('this profile is out of bounds')
    this.#membership.updateProfile(profile)
    this.#evaluate()
  }

  notify(to: PeerId, channel: string, body: Value, options?: CallOptions): Promise<void> {
    return this.#rpc.notify(to, channel, body, options)
  }

  onNotify(channel: string, handler: (body: unknown, from: PeerId) => void | Promise<void>): () => void {
    return this.#rpc.onNotify(channel, handler)
  }

  request(
    to: PeerId,
    method: string,
    body: Value,
    options: CallOptions & { timeoutMs: number },
  ): Promise<unknown> {
    return this.#rpc.request(to, method, body, options)
  }

  serve(method: string, handler: RequestHandler): () => void {
    return this.#rpc.serve(method, handler)
  }

  async start(signal: AbortSignal | undefined): Promise<void> {
    const onAbort = () => void this.leave()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#ended.signal.addEventListener('abort', () => signal?.removeEventListener('abort', onAbort), {
      once: true,
    })
    await this.#options.transport.start({
      onConnection: (connection) => this.#connector.onConnection(connection),
      onSignaling: (state) => this.#onSignaling(state),
    })
    signal?.throwIfAborted()
    if (this.#ended.signal.aborted) return
    this.#cancelFigures = every(this.#clock, FIGURES_MS, () => this.#changed())
    this.#cancelSettle = this.#clock.after(SETTLE_MS, () => {
      this.#membership.settle()
      this.#evaluate()
    })
    this.#connector.start()
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave({ how: 'left' })
    return this.#leaving
  }

  #end(end: RoomEnd): void {
    this.#leaving ??= this.#leave(end)
  }

  async #leave(end: RoomEnd): Promise<void> {
    this.#membership.sayGoodbye()
    this.#links.tell()
    this.#ended.abort()
    this.#cancelTell?.()
    this.#cancelFigures?.()
    this.#cancelSettle?.()
    this.#connector.stop()
    this.#rpc.end()
    await this.#links.close({ drain: true })
    await this.#options.transport.close()
    this.#resolveClosed(end)
  }

  #onSignaling(state: SignalingState): void {
    if (state === 'connected' && !this.#ended.signal.aborted) this.#connector.hurry()
    this.#changed()
  }

  #onProven(peer: ProvenPeer, connection: Connection): void {
    if (this.#ended.signal.aborted) {
      connection.close('the room is closed')
      throw new TransportError('closed', 'the room is closed')
    }
    this.#links.add(peer, connection)
    this.#membership.linkUp(peer)
    this.#views.onLinked(peer.peerId)
    this.#connector.onLinked(peer.peerId)
    this.#evaluate()
  }

  #onLinkDown(entry: LinkEntry, end: LinkEnd): void {
    const { peer } = entry
    this.#rpc.dropVia(peer.peerId)
    if (this.#links.get(peer.peerId)) return // A newer link has taken its place.
    this.#membership.linkDown(peer, end === 'left' || end === 'closed' ? end : 'lost')
    this.#views.onUnlinked(peer, end)
    this.#evaluate()
    if (end !== 'left') this.#connector.relink(entry)
  }

  #learn(from: PeerId, announcement: Announcement): void {
    if (!this.#membership.learn(from, announcement)) return
    this.#evaluate()
    if (announcement.isLeaving) this.#links.tellAll(announcement, from)
  }

  #evaluate(): void {
    const change = this.#membership.evaluate()
    if (!this.#ended.signal.aborted) this.#cancelTell ??= this.#clock.after(TELL_AFTER_MS, () => this.#tell())
    if (change) {
      this.#views.onMembership(change)
      for (const { member } of change.gone) if (!this.member(member.peerId)) this.#rpc.dropPeer(member.peerId)
      this.#connector.wantMembers(change.members)
      this.#onMembership.emit(change)
      if (this.#membership.isBeyond(this.#options.maxMembers)) this.#end({ how: 'full', message: ROOM_FULL })
    }
    this.#changed()
  }

  #tell(): void {
    this.#cancelTell = undefined
    this.#links.tell()
  }

  #changed(): void {
    this.#views.invalidate()
    this.#onChange.emit()
  }
}
