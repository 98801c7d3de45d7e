import { TabmeshError } from '../base/index.ts'

/**
 * `not-encodable`: a body holds something that has no meaning on another machine; the message says what and where to
 * look. `too-large`: it does not fit a frame. `malformed` and `too-deep`: bytes from outside are not ours to read.
 */
export type WireCode = 'not-encodable' | 'too-large' | 'malformed' | 'too-deep'

export class WireError extends TabmeshError<WireCode> {}
