import type { Clock, Crypto, DeviceId, Identity, Random } from '../base/index.ts'
import { isProfile } from './announcement.ts'
import { RoomError } from './errors.ts'
import { MeshRoom } from './mesh-room.ts'
import { derivePeerId } from './peer-id.ts'
import type { MemberProfile, Room } from './room.ts'
import type { RoomKeys } from './room-secret.ts'
import type { Transport } from './transport.ts'

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

/**
 * Joins. Resolves once the first attempt to reach signaling has ended either way; alone is a room too. Throws a RoomError
 * `identity` when the key does not own the transport's id, and a TypeError for a profile out of bounds.
 */
export async function createRoom(options: RoomOptions): Promise<Room> {
  options.signal?.throwIfAborted()
  const peerId = await derivePeerId(options.crypto, options.identity.publicKey)
  options.signal?.throwIfAborted()
  if (peerId !== options.transport.peerId)
    throw new RoomError('identity', 'the transport goes by the id of another key')
  if (!isProfile({ ...options.profile }))
    throw new TypeError('a name has 1 to 64 characters; capacity and slots are not negative')
  const room = new MeshRoom({ ...options, maxMembers: options.maxMembers ?? DEFAULT_MAX_MEMBERS })
  options.prepare?.(room)
  await room.start(options.signal)
  return room
}
