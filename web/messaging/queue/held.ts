import { MessagingError } from '../errors.ts'
import type { Reign } from './epoch.ts'
import type { Attempt } from './messages.ts'

/** An attempt that a consumer has been given. */
export interface Held {
  readonly attempt: Attempt
  readonly size: number
  /** Whose token it is: it means nothing to another owner, or another reign of the same. */
  reign: Reign
  token: number
  /** `prepared`: for a transaction, which says what becomes of it. `passed`: so, and the loop has gone on. */
  state: 'held' | 'prepared' | 'passed' | 'settling' | 'settled' | 'lost'
}

/** What an owner says of claims, by the index of each. */
export type Granted = ReadonlyMap<number, number>

/** Instead of a token: the message is finished. */
export const FINISHED = 0

export function leaseLost(): MessagingError {
  return new MessagingError(
    'lease-lost',
    'This attempt is no longer this consumer’s: its message goes to another.',
  )
}
