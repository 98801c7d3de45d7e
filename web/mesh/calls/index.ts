export type { CallOptions, RequestHandler } from './call.ts'
export { RemoteError, RoomError } from './errors.ts'
export { isFinal } from './final.ts'
export {
  type CallMessage,
  decodeMessage,
  encodeMessage,
  isCallMessage,
  type MeshMessage,
} from './messages.ts'
export { Rpc } from './rpc.ts'
