import type { Clock, PeerId } from '../../base/index.ts'
import {
  type CallMessage,
  decodeMessage,
  encodeMessage,
  isCallMessage,
  type MeshMessage,
  RoomError,
} from '../calls/index.ts'
import type { ProvenPeer } from '../handshake/index.ts'
import { createLink, type Link, type LinkEnd } from '../link/index.ts'
import type { Announcement, Membership } from '../membership/index.ts'
import type { Connection, Lane } from '../transport/index.ts'
import { Spread } from './spread.ts'
import { addBytes, type Bytes, Traffic } from './traffic.ts'

/** What was sent round a link that comes up has arrived within this. */
const YOUNG_MS = 5_000
/** A link that works is heard more often: its heartbeat asks after 1 s of quiet. */
const DOUBTFUL_MS = 2_500

export interface LinksOptions {
  readonly clock: Clock
  readonly selfId: PeerId
  readonly membership: Membership
  /** A call message of a member, by its own link or by a neighbour's word. */
  readonly onCall: (from: PeerId, lane: Lane, message: CallMessage) => void | Promise<void>
  readonly onAnnouncement: (from: PeerId, announcement: Announcement) => void
  /** `end` is `fault` when the peer sent what is no message. */
  readonly onDown: (entry: LinkEntry, end: LinkEnd) => void
  /** Opens and proves a further connection to a linked peer. */
  readonly openFurther: (peerId: PeerId, index: number, signal: AbortSignal) => Promise<Connection>
}

export interface LinkEntry {
  readonly link: Link
  /** Its large frames, over further connections where the way calls for them. */
  readonly spread: Spread
  readonly peer: ProvenPeer
  readonly upAt: number
  /** The newest announcement of each owner that this peer has been sent. */
  readonly told: Map<PeerId, string>
}

/** The room's links, what leaves over which of them, and the passing on of announcements and of frames for others. */
export class Links {
  readonly #options: LinksOptions
  readonly #entries = new Map<PeerId, LinkEntry>()
  readonly #traffic = new Traffic()

  constructor(options: LinksOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get entries(): readonly LinkEntry[] {
    return [...this.#entries.values()]
  }

  get(peerId: PeerId): LinkEntry | undefined {
    return this.#entries.get(peerId)
  }

  /** What went over all links to this peer, those that have ended too. Never falls. */
  trafficOf(peerId: PeerId): Bytes {
    const ended = this.#traffic.ended(peerId)
    const entry = this.#entries.get(peerId)
    return entry ? addBytes(ended, entry.spread.stats) : ended
  }

  /** Takes a proven connection into use. An older link to the same peer ends: its peer has opened this one because it lost that. */
  add(peer: ProvenPeer, connection: Connection): LinkEntry {
    const old = this.#entries.get(peer.peerId)
    const link = createLink(connection, peer, { clock: this.#options.clock })
    const entry: LinkEntry = {
      ...{ link, peer, upAt: this.#options.clock.now(), told: new Map() },
      spread: this.#spread(peer, link),
    }
    this.#entries.set(peer.peerId, entry)
    if (old) {
      this.#cut(old)
      this.#options.onDown(old, 'local')
    }
    link.onFrame = (frame, lane) => this.#onFrame(entry, frame, lane)
    void link.closed.then((end) => this.#onClosed(entry, end))
    return entry
  }

  /** The peer whose link leads to `to`: itself or a neighbour of both. */
  via(to: PeerId): PeerId {
    if (to === this.#options.selfId || this.#entries.has(to)) return to
    const { membership } = this.#options
    const neighbour = membership.neighbourOf(to)
    if (!neighbour) throw new RoomError('closed', 'there is no way to this peer at the moment')
    return neighbour
  }

  async send(to: PeerId, lane: Lane, message: CallMessage, signal?: AbortSignal): Promise<void> {
    const via = this.via(to)
    const frame = encodeMessage(message)
    if (via === this.#options.selfId) return this.#sendToSelf(lane, frame)
    const bytes =
      via === to ? frame : encodeMessage({ type: 'forward', to, from: this.#options.selfId, frame })
    const entry = this.#entries.get(via)
    if (!entry) throw new RoomError('closed', 'the link has just ended')
    await this.#sendOn(entry, lane, bytes, signal)
  }

  /** Whether this peer may open a further connection of this number now. */
  mayAddFurther(peerId: PeerId, index: number): boolean {
    return this.#entries.get(peerId)?.spread.mayAdd(index) ?? false
  }

  addFurther(peerId: PeerId, index: number, connection: Connection): void {
    const entry = this.#entries.get(peerId)
    if (entry) entry.spread.add(index, connection)
    else connection.close('there is no link to this peer')
  }

  /**
   * Tells every linked peer what it cannot hear from the owner itself: our own word, and that of members that it does not
   * hear. Links keep their order and lose nothing, so each version is sent once.
   */
  tell(): void {
    const { membership, selfId } = this.#options
    for (const entry of this.#entries.values()) {
      for (const { peerId } of membership.members) {
        const { peer } = entry
        if (peerId === peer.peerId || (peerId !== selfId && membership.hears(peer.peerId, peerId))) continue
        const announcement = membership.announcementOf(peerId)
        if (announcement) this.#tellOne(entry, announcement)
      }
    }
  }

  /** Passes on a goodbye, whose owner is no member any more. */
  tellAll(announcement: Announcement, except: PeerId): void {
    for (const entry of this.#entries.values()) {
      const isHeard = this.#options.membership.hears(entry.peer.peerId, announcement.peerId)
      if (entry.peer.peerId !== except && entry.peer.peerId !== announcement.peerId && !isHeard)
        this.#tellOne(entry, announcement)
    }
  }

  async close(options: { drain: boolean }): Promise<void> {
    await Promise.all(
      this.entries.flatMap(({ link, spread }) => [link.close(options), spread.close(options)]),
    )
  }

  #spread(peer: ProvenPeer, link: Link): Spread {
    const { clock, selfId, openFurther } = this.#options
    const entry = () => {
      const known = this.#entries.get(peer.peerId)
      return known?.link === link ? known : undefined
    }
    return new Spread({
      ...{ clock, peer, link, isSmaller: selfId < peer.peerId },
      open: (index, signal) => openFurther(peer.peerId, index, signal),
      onFrame: (frame) => {
        const known = entry()
        const message = decodeMessage(frame)
        if (!known) return undefined
        // What is numbered is not numbered again: no nesting.
        if (!message || message.type === 'spread' || message.type === 'spread-ack')
          return this.#onFault(known)
        return this.#onMessage(known, 'bulk', message)
      },
      onFault: () => {
        const known = entry()
        if (known) this.#onFault(known)
      },
    })
  }

  #sendOn(entry: LinkEntry, lane: Lane, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (lane === 'bulk' && Spread.takes(bytes)) return entry.spread.send(bytes, signal)
    return entry.link.send(lane, bytes, signal)
  }

  #cut({ link, spread, peer }: LinkEntry): void {
    this.#traffic.onEnded(peer.peerId, spread.stats)
    void link.close()
    void spread.close()
  }

  #tellOne(entry: LinkEntry, announcement: Announcement): void {
    const stamp = `${announcement.sessionId} ${announcement.version}`
    if (entry.told.get(announcement.peerId) === stamp) return
    entry.told.set(announcement.peerId, stamp)
    this.#sendOver(entry.link, 'control', encodeMessage({ type: 'announce', announcement }))
  }

  #sendOver(link: Link, lane: Lane, frame: Uint8Array): void {
    link.send(lane, frame).catch(() => {
      // The link has ended; whoever waits for an answer hears of that.
    })
  }

  #sendToSelf(lane: Lane, frame: Uint8Array): void {
    const message = decodeMessage(frame)
    if (message && isCallMessage(message))
      queueMicrotask(() => void this.#options.onCall(this.#options.selfId, lane, message))
  }

  #onClosed(entry: LinkEntry, end: LinkEnd): void {
    if (this.#entries.get(entry.peer.peerId) !== entry) return
    this.#entries.delete(entry.peer.peerId)
    this.#cut(entry)
    this.#options.onDown(entry, end)
  }

  #onFrame(entry: LinkEntry, frame: Uint8Array, lane: Lane): void | Promise<void> {
    if (this.#entries.get(entry.peer.peerId) !== entry) return
    const message = decodeMessage(frame)
    if (!message) return this.#onFault(entry)
    return this.#onMessage(entry, lane, message)
  }

  #onMessage(entry: LinkEntry, lane: Lane, message: MeshMessage): void | Promise<void> {
    switch (message.type) {
      case 'announce':
        return this.#options.onAnnouncement(entry.peer.peerId, message.announcement)
      case 'forward':
        return this.#onForward(entry, lane, message)
      case 'spread':
        return entry.spread.onRepeated(message.number, message.frame)
      case 'spread-ack':
        return this.#onFault(entry)
      default:
        return this.#options.onCall(entry.peer.peerId, lane, message)
    }
  }

  /**
   * Whether a link of its own here works, so that nobody else speaks for that peer. One that has just come up, or is quiet, may
   * not be there at the other end: what comes round it is that peer's.
   */
  #speaksForItself(peerId: PeerId): boolean {
    const entry = this.#entries.get(peerId)
    const isYoung = entry !== undefined && this.#options.clock.now() - entry.upAt < YOUNG_MS
    return entry !== undefined && !isYoung && entry.link.stats.quietMs < DOUBTFUL_MS
  }

  /** For us: taken as from the member that the forwarder names. For another: one hop, if it comes from its sender. */
  #onForward(entry: LinkEntry, lane: Lane, message: MeshMessage & { type: 'forward' }): void | Promise<void> {
    const { to, from, frame } = message
    if (to === this.#options.selfId) {
      const inner = decodeMessage(frame)
      if (!inner || !isCallMessage(inner)) return this.#onFault(entry)
      if (from !== entry.peer.peerId && this.#speaksForItself(from)) return
      if (this.#options.membership.members.some(({ peerId, isSelf }) => peerId === from && !isSelf)) {
        return this.#options.onCall(from, lane, inner)
      }
      return
    }
    const next = this.#entries.get(to)
    if (from !== entry.peer.peerId || !next) return
    return this.#sendOn(next, lane, encodeMessage(message)).catch(() => {
      // The way has just ended; the sender's own wait ends by timeout or by the change of membership.
    })
  }

  #onFault(entry: LinkEntry): void {
    this.#entries.delete(entry.peer.peerId)
    this.#cut(entry)
    this.#options.onDown(entry, 'fault')
  }
}
