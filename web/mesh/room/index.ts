export { createRoom } from './create-room.ts'
export type { PeerView, Room, RoomEnd } from './room.ts'
export type { RoomOptions } from './room-options.ts'
