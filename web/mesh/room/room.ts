import type { PeerId, RoomId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import type { CallOptions, RequestHandler } from '../calls/index.ts'
import type { Verdict } from '../connect/index.ts'
import type { Member, MemberProfile, MembershipChange } from '../membership/index.ts'
import type { SignalingState } from '../transport/index.ts'

/** How the page shows another peer, linked or not. */
export interface PeerView {
  readonly peerId: PeerId
  readonly name: string
  readonly state: 'connecting' | 'direct' | 'forwarded' | 'lost'
  readonly rttMs: number | undefined
  /** Over all links to it while this node runs: a new link begins no new count. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly isHidden: boolean
  /** Why it is lost or still connecting, in words for a person. */
  readonly reason?: string
}

/**
 * The set of peers that may meet, and the way to talk to them. Layers above get a room and never see a link.
 * Every body that arrives is `unknown`: guard it. Handlers are registered before `join` or as soon as a layer starts;
 * a request for a method that nobody serves is answered `no-such-method`.
 */
export interface Room {
  readonly roomId: RoomId
  readonly self: Member
  /** Members that the room hears, self included, ordered by PeerId. The same array until something changes. */
  members(): readonly Member[]
  member(peerId: PeerId): Member | undefined
  /** Other peers as the page shows them, lost ones for a while too. */
  peers(): readonly PeerView[]
  readonly signaling: SignalingState
  /** Why signaling does not take us, in words for a person. */
  readonly signalingProblem: string | undefined
  readonly version: number
  onMembership(listener: (change: MembershipChange) => void): () => void
  /** Anything that {@link peers}, {@link members} or {@link signaling} show has changed. */
  onChange(listener: () => void): () => void
  updateProfile(profile: Partial<MemberProfile>): void
  /**
   * At most once, in order for each (peer, lane). Resolves when within the peer's credit; rejects with a RoomError
   * `not-a-member`, or `closed` when the link ends first.
   */
  notify(to: PeerId, channel: string, body: Value, options?: CallOptions): Promise<void>
  onNotify(channel: string, handler: (body: unknown, from: PeerId) => void | Promise<void>): () => void
  /**
   * Rejects with RemoteError (the handler threw; `code` and `message` are its own), TimeoutError, RoomError
   * (`not-a-member`, `closed`), or `signal.reason` (the handler's signal then aborts too).
   */
  request(
    to: PeerId,
    method: string,
    body: Value,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<unknown>
  serve(method: string, handler: RequestHandler): () => void
  /** Says goodbye to everybody and ends. Idempotent. */
  leave(): Promise<void>
  readonly closed: Promise<RoomEnd>
}

/** This node has left, or the room will not have it. */
export type RoomEnd = { readonly how: 'left' } | Verdict
