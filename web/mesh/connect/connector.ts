import { type Clock, isPeerId, type PeerId, type Random, withTimeout } from '../../base/index.ts'
import type { LinkEntry, Links } from '../links/index.ts'
import type { Member } from '../membership/index.ts'
import type { Connection, Transport } from '../transport/index.ts'
import { Arrivals } from './arrivals.ts'
import { Dialer } from './dialer.ts'
import { Discovery } from './discovery.ts'
import type { Door } from './door.ts'

/** How long a newcomer gets to dial us before we dial it. */
const NEWCOMER_DIALS_MS = 1500
/** Of dial and handshake. */
const FURTHER_LIMIT_MS = 20_000
const RELINK_MS = 200
const MAX_RELINK_MS = 10_000
/** A link that lived this long was no flap. */
const STABLE_MS = 10_000

export interface ConnectorOptions {
  readonly room: { readonly transport: Transport; readonly clock: Clock; readonly random: Random }
  readonly links: Links
  readonly door: Door
  /** Whether this peer is a member or was one of late. */
  readonly isMissed: (peerId: PeerId) => boolean
  readonly onChange: () => void
}

/** Finds peers and links them: signaling's word, members that have no link with us, links that broke. */
export class Connector {
  readonly dialer: Dialer
  readonly #options: ConnectorOptions
  readonly #clock: Clock
  readonly #selfId: PeerId
  readonly #arrivals: Arrivals
  readonly #discovery: Discovery
  readonly #flaps = new Map<PeerId, number>()
  #isStopped = false

  constructor(options: ConnectorOptions) {
    const { transport, clock, random } = options.room
    const { door, links } = options
    this.#options = options
    this.#clock = clock
    this.#selfId = transport.peerId
    const dialer = new Dialer({
      transport,
      clock,
      random,
      isWanted: (peerId) => this.#isWanted(peerId),
      establish: (connection, signal) => door.pass(connection, signal),
      onChange: () => this.#onDialerChange(),
    })
    this.dialer = dialer
    this.#arrivals = new Arrivals({
      clock,
      selfId: transport.peerId,
      isDialing: (peerId) => dialer.stateOf(peerId)?.isDialing ?? false,
      establish: (connection) => door.pass(connection),
    })
    this.#discovery = new Discovery({
      transport,
      clock,
      random,
      hasLinks: () => links.size > 0,
      onFound: (peerIds) => this.#want(peerIds, 0),
    })
  }

  start(): void {
    this.#discovery.start()
  }

  stop(): void {
    this.#isStopped = true
    this.#discovery.stop()
    this.dialer.stop()
  }

  onConnection(connection: Connection): void {
    if (this.#isStopped) connection.close('the room is closed')
    else if (connection.index > 0) void this.#takeFurther(connection)
    else this.#arrivals.accept(connection)
  }

  /** Opens and proves a further connection of a link. Rejects with a TransportError or HandshakeError. */
  openFurther(peerId: PeerId, index: number, signal: AbortSignal): Promise<Connection> {
    const { door, room } = this.#options
    return withTimeout(this.#clock, 'a further connection', FURTHER_LIMIT_MS, signal, async (inner) =>
      door.passFurther(await room.transport.dial(peerId, inner, index), inner),
    )
  }

  /** Only of a peer that is linked, and only as many as a link may have. */
  async #takeFurther(connection: Connection): Promise<void> {
    const { door, links } = this.#options
    const { claimedPeerId, index } = connection
    if (!isPeerId(claimedPeerId) || !links.mayAddFurther(claimedPeerId, index)) {
      connection.close('not now')
      return
    }
    try {
      links.addFurther(claimedPeerId, index, await door.passFurther(connection))
    } catch {
      // The handshake has closed the connection: the link goes on with those that it has.
    }
  }

  /** Signaling is back, or this page has been away: everything is tried anew, at once. */
  hurry(): void {
    this.dialer.hurryAll()
    this.#discovery.start()
  }

  onLinked(peerId: PeerId): void {
    this.dialer.drop(peerId)
    this.#arrivals.cut(peerId)
  }

  /** The smaller id first, so that the two do not dial each other; later and later when the link does not last. */
  relink({ peer: { peerId }, upAt }: LinkEntry): void {
    const isStable = this.#clock.now() - upAt >= STABLE_MS
    const flaps = isStable ? 0 : (this.#flaps.get(peerId) ?? 0) + 1
    if (flaps > 0) this.#flaps.set(peerId, flaps)
    else this.#flaps.delete(peerId)
    const wait = Math.min(RELINK_MS * 2 ** flaps, MAX_RELINK_MS) * (0.5 + this.#options.room.random.float())
    this.#want([peerId], this.#selfId < peerId ? wait : wait + NEWCOMER_DIALS_MS)
    if (this.#options.links.size === 0) this.#discovery.start()
  }

  /** Members without a link of ours get one, unless they are newcomers that dial us themselves in a moment. */
  wantMembers(members: readonly Member[]): void {
    const without = members.filter(({ isDirect }) => !isDirect).map(({ peerId }) => peerId)
    if (without.length > 0) this.#want(without, NEWCOMER_DIALS_MS * (1 + this.#options.room.random.float()))
  }

  #want(peerIds: readonly PeerId[], waitMs: number): void {
    for (const peerId of peerIds) if (this.#isWanted(peerId)) this.dialer.want(peerId, waitMs)
  }

  #isWanted(peerId: PeerId): boolean {
    if (this.#isStopped || peerId === this.#selfId || this.#options.links.get(peerId)) return false
    return this.#discovery.lists(peerId) || this.#options.isMissed(peerId)
  }

  #onDialerChange(): void {
    for (const peerId of this.dialer.peerIds) {
      if (!this.dialer.stateOf(peerId)?.isDialing) this.#arrivals.release(peerId)
    }
    this.#options.onChange()
  }
}
