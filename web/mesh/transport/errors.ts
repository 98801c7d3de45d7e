import { TabmeshError } from '../../base/index.ts'

/** Why a transport could not connect; see `Transport` for each code. */
export class TransportError extends TabmeshError<'peer-absent' | 'no-path' | 'signaling-down' | 'closed'> {}
