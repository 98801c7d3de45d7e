export { isFinal, RemoteError, type RequestHandler, RoomError } from './calls/index.ts'
export { NO_PATH } from './connect/index.ts'
export { derivePeerId, HandshakeError, type ProvenPeer } from './handshake/index.ts'
export {
  createRoomSecret,
  decodeInvite,
  deriveRoom,
  encodeInvite,
  type Invite,
  InviteError,
  type RoomKeys,
  readInvite,
} from './invite/index.ts'
export type { Member, MemberProfile, MembershipChange } from './membership/index.ts'
export { place } from './placement/index.ts'
export {
  createRoom,
  keepTelling,
  type OtherSession,
  OtherSessions,
  type PeerView,
  type Room,
  type RoomEnd,
  type RoomOptions,
  type Tale,
} from './room/index.ts'
export {
  type Connection,
  type ConnectionHandlers,
  createMemoryNetwork,
  type Lane,
  type MemoryNetwork,
  type MemoryPath,
  type SignalingState,
  type Transport,
  TransportError,
} from './transport/index.ts'
