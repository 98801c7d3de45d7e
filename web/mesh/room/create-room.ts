import { RoomError } from '../calls/index.ts'
import { derivePeerId } from '../handshake/index.ts'
import { isProfile } from '../membership/index.ts'
import { MeshRoom } from './mesh-room.ts'
import type { Room } from './room.ts'
import { DEFAULT_MAX_MEMBERS, type RoomOptions } from './room-options.ts'

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
