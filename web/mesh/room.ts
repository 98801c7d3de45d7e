import type { DeviceId, PeerId, RoomId, SessionId } from '../base/index.ts'
import type { Value } from '../wire/index.ts'
import type { Lane, SignalingState } from './transport.ts'

/** What a member says of itself; checked and bounded on arrival, never believed for anything but itself. */
export interface MemberProfile {
  /** 1 to 64 characters, no control characters. */
  readonly name: string
  /** Relative share of shards: 0 holds nothing, 1 is the default. */
  readonly capacity: number
  /** Attempts that it runs at once: 0 takes no work. */
  readonly slots: number
  readonly isHidden: boolean
}

export interface Member extends MemberProfile {
  readonly peerId: PeerId
  readonly sessionId: SessionId
  readonly deviceId: DeviceId
  /** True for the node itself. */
  readonly isSelf: boolean
  /** True with a proven link of our own (or self); false when a common neighbour forwards. */
  readonly isDirect: boolean
}

export interface MembershipChange {
  /** Grows by one with every change. */
  readonly version: number
  readonly members: readonly Member[]
  readonly joined: readonly Member[]
  /** `left` said goodbye (it may be reloading); `lost` fell silent. */
  readonly gone: readonly { readonly member: Member; readonly how: 'left' | 'lost' }[]
}

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

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Default `control`. Bodies over 16 KiB belong on `bulk`. */
  readonly lane?: Lane
}

/** A request's handler; what it returns is the answer, what it throws reaches the caller as a RemoteError. */
export type RequestHandler = (
  body: unknown,
  context: { from: PeerId; signal: AbortSignal },
) => Promise<Value> | Value

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

/** `full`: the room has as many members as it takes; `refused`: nobody accepted our proof of the room secret. */
export type RoomEnd =
  | { readonly how: 'left' }
  | { readonly how: 'full' | 'refused' | 'version'; readonly message: string }
