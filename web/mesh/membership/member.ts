import type { DeviceId, PeerId, SessionId } from '../../base/index.ts'

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
