import type { HandshakeCode } from './errors.ts'

/** The end of a handshake from within: our verdict, or the peer's. */
export class Refusal extends Error {
  readonly code: HandshakeCode
  readonly side: 'self' | 'peer'
  /** The version that the peer speaks, when it said so. */
  readonly version: number | undefined

  constructor(code: HandshakeCode, side: 'self' | 'peer' = 'self', version?: number) {
    super(code)
    this.code = code
    this.side = side
    this.version = version
  }
}
