import type { Clock, PeerId } from '../../base/index.ts'
import type { Dialer } from '../connect/index.ts'
import type { HandshakeError, ProvenPeer } from '../handshake/index.ts'
import type { LinkEnd } from '../link/index.ts'
import type { Links } from '../links/index.ts'
import { type Membership, type MembershipChange, shownName } from '../membership/index.ts'
import type { PeerView } from './room.ts'

/** How long a lost peer is shown and dialled although nobody hears it. */
const KEEP_LOST_MS = 120_000
const MAX_LOST = 64

interface Lost {
  readonly at: number
  readonly name: string
  readonly reason: string
}

export interface PeerViewsOptions {
  readonly clock: Clock
  readonly membership: Membership
  readonly links: Links
  readonly dialer: Dialer
}

/** What the page shows of other peers, lost ones for a while too. */
export class PeerViews {
  readonly #options: PeerViewsOptions
  readonly #lost = new Map<PeerId, Lost>()
  #cache: readonly PeerView[] | undefined

  constructor(options: PeerViewsOptions) {
    this.#options = options
  }

  /** Ordered by PeerId; the same array until {@link invalidate}. */
  all(): readonly PeerView[] {
    this.#cache ??= this.#build()
    return this.#cache
  }

  invalidate(): void {
    this.#cache = undefined
  }

  /** Whether it was here and fell silent of late. */
  isMissed(peerId: PeerId): boolean {
    const lost = this.#lost.get(peerId)
    return lost !== undefined && this.#options.clock.now() - lost.at < KEEP_LOST_MS
  }

  onLinked(peerId: PeerId): void {
    this.#lost.delete(peerId)
  }

  /** A peer that said goodbye is no longer shown. */
  onUnlinked({ peerId }: ProvenPeer, end: LinkEnd): void {
    if (end === 'left') this.#lost.delete(peerId)
    else
      this.#note(
        peerId,
        end === 'silent' ? 'Nothing has been heard of it for 5 s.' : 'The connection to it ended.',
      )
  }

  onRefused(peerId: PeerId, error: HandshakeError): void {
    const lost = this.#lost.get(peerId)
    if (lost) this.#lost.set(peerId, { ...lost, reason: error.message })
  }

  onMembership(change: MembershipChange): void {
    for (const { member, how } of change.gone) {
      if (how === 'left') this.#lost.delete(member.peerId)
      else this.#note(member.peerId, 'Nothing has been heard of it for 5 s.', member.name)
    }
    for (const { peerId } of change.joined) this.#lost.delete(peerId)
  }

  #note(peerId: PeerId, reason: string, name = this.#nameOf(peerId)): void {
    if (this.#lost.size >= MAX_LOST) this.#lost.delete(this.#lost.keys().next().value as PeerId)
    this.#lost.set(peerId, { at: this.#options.clock.now(), name, reason })
  }

  #nameOf(peerId: PeerId): string {
    const announcement = this.#options.membership.announcementOf(peerId)
    return announcement ? shownName(announcement) : (this.#lost.get(peerId)?.name ?? peerId.slice(0, 8))
  }

  #build(): readonly PeerView[] {
    const { membership, links, dialer, clock } = this.#options
    const views = new Map<PeerId, PeerView>()
    for (const [peerId, { at, name, reason }] of this.#lost) {
      if (clock.now() - at >= KEEP_LOST_MS) this.#lost.delete(peerId)
      else views.set(peerId, { ...this.#bare(peerId, name), state: 'lost', reason })
    }
    for (const peerId of dialer.peerIds) {
      const reason = dialer.stateOf(peerId)?.reason
      const known = views.get(peerId)
      if (reason !== undefined)
        views.set(peerId, { ...this.#bare(peerId, this.#nameOf(peerId)), state: 'lost', reason })
      else if (!known) views.set(peerId, { ...this.#bare(peerId, this.#nameOf(peerId)), state: 'connecting' })
    }
    for (const { peerId, name, isHidden, isSelf } of membership.members) {
      if (isSelf) continue
      const reason = dialer.stateOf(peerId)?.reason
      const view = { ...this.#bare(peerId, name), isHidden, state: 'forwarded' as const }
      views.set(peerId, reason === undefined ? view : { ...view, reason })
    }
    for (const { peer, spread } of links.entries) {
      const isHidden = membership.announcementOf(peer.peerId)?.isHidden ?? false
      views.set(peer.peerId, {
        peerId: peer.peerId,
        name: this.#nameOf(peer.peerId),
        state: 'direct',
        isHidden,
        rttMs: spread.stats.rttMs,
        ...links.trafficOf(peer.peerId),
      })
    }
    return [...views.values()].sort((a, b) => (a.peerId < b.peerId ? -1 : 1))
  }

  #bare(peerId: PeerId, name: string): Omit<PeerView, 'state'> {
    return { peerId, name, rttMs: undefined, ...this.#options.links.trafficOf(peerId), isHidden: false }
  }
}
