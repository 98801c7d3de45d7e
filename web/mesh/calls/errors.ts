import { TabmeshError } from '../../base/index.ts'

/** `busy`: too many requests to this peer wait for their answers. `identity`: the key is not the one of the transport's id. */
export class RoomError extends TabmeshError<'not-a-member' | 'closed' | 'busy' | 'identity'> {}

/** The handler of a request failed on the other peer; `code` and `message` are its own words, bounded, not checked. */
export class RemoteError extends TabmeshError {}
