export { TransportError } from './errors.ts'
export { createMemoryNetwork, type MemoryNetwork } from './memory.ts'
export type { MemoryPath } from './memory-connection.ts'
export type {
  Connection,
  ConnectionHandlers,
  Lane,
  SignalingState,
  Transport,
  TransportEvents,
} from './transport.ts'
