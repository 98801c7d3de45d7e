import { TabmeshError } from '../../base/index.ts'

/**
 * Why a handshake failed; the order is the wire's.
 * `version`: the two speak other protocol versions. `wrong-secret`: the proof of the room secret is wrong. `identity`: the
 * key does not own the peer's id, or its signature is wrong. `binding`: this is not the connection that was proven.
 * `full`: the room takes no more members. `malformed`: not a message of the handshake. `timeout`: too slow. `closed`: the
 * connection ended first.
 */
export const HANDSHAKE_CODES = [
  'version',
  'wrong-secret',
  'identity',
  'binding',
  'full',
  'malformed',
  'timeout',
  'closed',
] as const
export type HandshakeCode = (typeof HANDSHAKE_CODES)[number]

export class HandshakeError extends TabmeshError<HandshakeCode> {
  /** True when the peer had proven the room secret and its own id before: its word may then count for the room. */
  readonly isPeerProven: boolean

  /** Who ended it. */
  readonly side: 'self' | 'peer'

  constructor(code: HandshakeCode, message: string, isPeerProven: boolean, side: 'self' | 'peer') {
    super(code, message)
    this.side = side
    this.isPeerProven = isPeerProven
  }
}
