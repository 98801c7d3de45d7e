import type { Clock, DeviceId, PeerId, SessionId } from '../../base/index.ts'
import type { ProvenPeer } from '../handshake/index.ts'
import { type Announcement, isNewer, MAX_HEARD, MAX_LEFT, shownName } from './announcement.ts'
import type { Member, MemberProfile, MembershipChange } from './member.ts'

/** Owners whose announcements are kept; those of members first. */
const MAX_KNOWN = 64
/** How long an announcement of somebody whom nobody hears is kept, so that news may arrive in any order. */
const KEEP_UNHEARD_MS = 60_000
/** How long a goodbye is told to others, and remembered. */
const TELL_LEFT_MS = 10_000
const KEEP_LEFT_MS = 60_000

interface Known {
  readonly announcement: Announcement
  /** When it was last heard of by a member; decides who is forgotten. */
  heardAt: number
}

export interface MembershipOptions {
  readonly clock: Clock
  readonly self: ProvenPeer
  readonly profile: MemberProfile
}

/**
 * Who is in the room, from what each member says that it hears. Pure bookkeeping: it neither sends nor waits.
 * A member is whoever can be reached from this node along "hears" and has not said goodbye.
 */
export class Membership {
  readonly #clock: Clock
  readonly #known = new Map<PeerId, Known>()
  readonly #direct = new Map<PeerId, SessionId>()
  /** Sessions that ended by goodbye: told to us (then it is told on for a while), or heard from a member. */
  readonly #left = new Map<SessionId, { readonly at: number; readonly isFirstHand: boolean }>()
  readonly #lastEnd = new Map<PeerId, 'left' | 'lost'>()
  #own: Announcement
  #members: readonly Member[]
  #version = 0

  constructor(options: MembershipOptions) {
    this.#clock = options.clock
    this.#own = {
      ...options.self,
      ...options.profile,
      startedAt: Math.floor(options.clock.wall()),
      version: 0,
      hears: [],
      left: [],
      isSettled: false,
      isLeaving: false,
    }
    this.#members = [this.#memberOf(this.#own)]
  }

  get version(): number {
    return this.#version
  }

  get own(): Announcement {
    return this.#own
  }

  get self(): Member {
    return this.#members.find(({ isSelf }) => isSelf) as Member
  }

  /** Ordered by PeerId, self included; the same array until something changes. */
  get members(): readonly Member[] {
    return this.#members
  }

  announcementOf(peerId: PeerId): Announcement | undefined {
    return peerId === this.#own.peerId ? this.#own : this.#known.get(peerId)?.announcement
  }

  linkUp(peer: ProvenPeer): void {
    this.#direct.set(peer.peerId, peer.sessionId)
    this.#lastEnd.delete(peer.peerId)
    this.#sayWhatIsHeard()
  }

  /** `left`: it said goodbye, so that session is over for everybody. */
  linkDown(peer: ProvenPeer, how: 'left' | 'closed' | 'lost'): void {
    this.#direct.delete(peer.peerId)
    this.#lastEnd.set(peer.peerId, how === 'lost' ? 'lost' : 'left')
    if (how === 'left') this.#rememberLeft(peer.sessionId, true)
    this.#sayWhatIsHeard()
  }

  updateProfile(profile: Partial<MemberProfile>): void {
    this.#own = { ...this.#own, ...profile, version: this.#own.version + 1 }
  }

  /** This node is no newcomer any more. */
  settle(): void {
    this.#own = { ...this.#own, version: this.#own.version + 1, isSettled: true }
  }

  /** Whether this node is one of the newcomers that are too many: those with the largest ids go. */
  isBeyond(maxMembers: number): boolean {
    const excess = this.#members.length - maxMembers
    if (excess <= 0 || this.#own.isSettled) return false
    const newcomers = this.#members.filter(({ peerId }) => this.announcementOf(peerId)?.isSettled === false)
    return newcomers.slice(-excess).some(({ isSelf }) => isSelf)
  }

  sayGoodbye(): void {
    this.#own = { ...this.#own, version: this.#own.version + 1, isLeaving: true }
  }

  /** Takes a member's word that came over the link to `from`; false when it is nothing new. */
  learn(from: PeerId, announcement: Announcement): boolean {
    const { peerId, sessionId } = announcement
    if (peerId === this.#own.peerId || this.#left.has(sessionId)) return false
    const directSession = this.#direct.get(peerId)
    if (directSession !== undefined && directSession !== sessionId) return false
    // Who has a link of its own here speaks for itself.
    if (directSession !== undefined && from !== peerId) return false
    const known = this.#known.get(peerId)?.announcement
    const isOfLink = directSession !== undefined && known?.sessionId !== sessionId
    if (known && !isOfLink && !isNewer(announcement, known)) return false
    this.#known.set(peerId, { announcement, heardAt: this.#clock.now() })
    if (announcement.isLeaving) this.#rememberLeft(sessionId, from === peerId)
    for (const session of announcement.left) this.#rememberLeft(session, false)
    this.#forget()
    return true
  }

  /** Brings {@link members} up to date; undefined when nothing has changed. */
  evaluate(): MembershipChange | undefined {
    const before = this.#members
    const reached = this.#reach()
    const now = this.#clock.now()
    const members = [this.#memberOf(this.#own)]
    for (const peerId of reached) {
      const known = this.#known.get(peerId)
      if (!known || !this.#isPresent(known.announcement)) continue
      known.heardAt = now
      members.push(this.#memberOf(known.announcement))
    }
    members.sort((a, b) => (a.peerId < b.peerId ? -1 : 1))
    if (members.length === before.length && members.every((member, i) => isSame(member, before[i] as Member)))
      return undefined
    this.#members = members
    this.#version++
    return this.#changeFrom(before)
  }

  /** A member with a link to both of us, for what must be forwarded. The same choice until something changes. */
  neighbourOf(peerId: PeerId): PeerId | undefined {
    return this.#members.find(
      (member) => member.isDirect && !member.isSelf && this.hears(member.peerId, peerId),
    )?.peerId
  }

  hears(peerId: PeerId, other: PeerId): boolean {
    return this.announcementOf(peerId)?.hears.includes(other) ?? false
  }

  #changeFrom(before: readonly Member[]): MembershipChange {
    const was = new Set(before.map(({ sessionId }) => sessionId))
    const is = new Set(this.#members.map(({ sessionId }) => sessionId))
    const joined = this.#members.filter(({ sessionId }) => !was.has(sessionId))
    const gone = before
      .filter(({ sessionId }) => !is.has(sessionId))
      .map((member) => ({ member, how: this.#howGone(member) }))
    return { version: this.#version, members: this.#members, joined, gone }
  }

  #howGone(member: Member): 'left' | 'lost' {
    if (this.#left.has(member.sessionId)) return 'left'
    const isReplaced = this.#members.some(({ peerId }) => peerId === member.peerId)
    return isReplaced ? 'left' : (this.#lastEnd.get(member.peerId) ?? 'lost')
  }

  #reach(): Set<PeerId> {
    const reached = new Set<PeerId>(this.#direct.keys())
    for (const peerId of reached) {
      const announcement = this.#known.get(peerId)?.announcement
      if (!announcement || !this.#isPresent(announcement)) continue
      for (const heard of announcement.hears) reached.add(heard)
    }
    reached.delete(this.#own.peerId)
    return reached
  }

  #isPresent(announcement: Announcement): boolean {
    const directSession = this.#direct.get(announcement.peerId)
    if (directSession !== undefined && directSession !== announcement.sessionId) return false
    return !announcement.isLeaving && !this.#left.has(announcement.sessionId)
  }

  #sayWhatIsHeard(): void {
    const hears = [...this.#direct.keys()].sort().slice(0, MAX_HEARD)
    const tellUntil = this.#clock.now() - TELL_LEFT_MS
    const told = [...this.#left].filter(([, { at, isFirstHand }]) => isFirstHand && at >= tellUntil)
    const left = told.map(([sessionId]) => sessionId).slice(-MAX_LEFT)
    this.#own = { ...this.#own, version: this.#own.version + 1, hears, left }
  }

  #rememberLeft(sessionId: SessionId, isFirstHand: boolean): void {
    if (this.#left.has(sessionId) || sessionId === this.#own.sessionId) return
    const now = this.#clock.now()
    for (const [old, { at }] of this.#left) if (now - at > KEEP_LEFT_MS) this.#left.delete(old)
    if (this.#left.size >= MAX_KNOWN) this.#left.delete(this.#left.keys().next().value as SessionId)
    this.#left.set(sessionId, { at: now, isFirstHand })
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [peerId, { heardAt }] of this.#known) {
      if (now - heardAt > KEEP_UNHEARD_MS && !this.#isMember(peerId)) this.#known.delete(peerId)
    }
    while (this.#known.size > MAX_KNOWN) {
      const oldest = [...this.#known].reduce((a, b) => (b[1].heardAt < a[1].heardAt ? b : a))
      this.#known.delete(oldest[0])
    }
  }

  #isMember(peerId: PeerId): boolean {
    return this.#members.some((member) => member.peerId === peerId)
  }

  #memberOf(announcement: Announcement): Member {
    const { peerId, sessionId, deviceId, capacity, slots, isHidden } = announcement
    const isSelf = peerId === this.#own.peerId
    const isDirect = isSelf || this.#direct.has(peerId)
    return {
      peerId,
      sessionId,
      deviceId: deviceId as DeviceId,
      name: shownName(announcement),
      capacity,
      slots,
      isHidden,
      isSelf,
      isDirect,
    }
  }
}

function isSame(a: Member, b: Member): boolean {
  return (
    a.peerId === b.peerId &&
    a.sessionId === b.sessionId &&
    a.name === b.name &&
    a.capacity === b.capacity &&
    a.slots === b.slots &&
    a.isHidden === b.isHidden &&
    a.isDirect === b.isDirect
  )
}
