export { createRoom, type RoomOptions } from './create-room.ts'
export { NO_PATH } from './dialer.ts'
export { HandshakeError, InviteError, RemoteError, RoomError, TransportError } from './errors.ts'
export { isFinal } from './final.ts'
export type { ProvenPeer } from './link.ts'
export { createMemoryNetwork, type MemoryNetwork } from './memory.ts'
export type { MemoryPath } from './memory-connection.ts'
export { derivePeerId } from './peer-id.ts'
export { place } from './placement.ts'
export type {
  Member,
  MemberProfile,
  MembershipChange,
  PeerView,
  RequestHandler,
  Room,
  RoomEnd,
} from './room.ts'
export {
  createRoomSecret,
  decodeInvite,
  deriveRoom,
  encodeInvite,
  type Invite,
  type RoomKeys,
  readInvite,
} from './room-secret.ts'
export type {
  Connection,
  ConnectionHandlers,
  Lane,
  SignalingState,
  Transport,
} from './transport.ts'
