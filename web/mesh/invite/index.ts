export { InviteError } from './errors.ts'
export {
  createRoomSecret,
  decodeInvite,
  deriveRoom,
  encodeInvite,
  type Invite,
  type RoomKeys,
  readInvite,
} from './room-secret.ts'
