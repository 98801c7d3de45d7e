import type { Clock, Crypto, DeviceId, Identity, Random } from '../../base/index.ts'
import type { RoomKeys } from '../invite/index.ts'
import type { MemberProfile } from '../membership/index.ts'
import type { Transport } from '../transport/index.ts'
import type { Room } from './room.ts'

export const DEFAULT_MAX_MEMBERS = 12

export interface RoomOptions {
  /** Not started yet. The room starts and closes it. */
  readonly transport: Transport
  readonly crypto: Crypto
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
  /** Of `deriveRoom`. */
  readonly room: RoomKeys
  readonly profile: MemberProfile
  readonly deviceId: DeviceId
  /** A newcomer beyond this many members is refused with `full`. Default {@link DEFAULT_MAX_MEMBERS}. */
  readonly maxMembers?: number
  /** Called before the first peer can be heard: the place to register handlers, so that nothing is missed. */
  readonly prepare?: (room: Room) => void
  /** Ends the waiting for the room, and the room. */
  readonly signal?: AbortSignal
}
