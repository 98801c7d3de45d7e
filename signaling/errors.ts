export type SignalingErrorCode =
  | 'bad-option'
  | 'port-taken'
  | 'listen-failed'
  | 'certificate-unreadable'
  | 'not-listening'

/** What the command line shows: the message says what to do. */
export class SignalingError extends Error {
  override readonly name = 'SignalingError'
  readonly code: SignalingErrorCode

  constructor(code: SignalingErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
