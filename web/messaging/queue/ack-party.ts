import { MessagingError } from '../errors.ts'
import type { Delivery } from './queue.ts'

/** `given-back`: as before the transaction; `lost`: nobody knows whose attempt it is. */
export type AckOutcome = 'finished' | 'given-back' | 'lost'

/** A consumer as transactions see it: its deliveries are finished with its leases held, and only by a commit. */
export interface AckParty {
  readonly queue: string
  /** From now on it is for a transaction to settle it; false when it is another's, or settled already. */
  claim(delivery: Delivery): boolean
  /** False when one of the attempts is another's by now, or settled already. */
  prepare(deliveries: readonly Delivery[], tx: string, home: string): Promise<boolean>
  conclude(deliveries: readonly Delivery[], outcome: AckOutcome): void
}

const PARTIES = new WeakMap<Delivery, AckParty>()

/** Nobody sees it on the delivery itself. */
export function offerAck(delivery: Delivery, party: AckParty): void {
  PARTIES.set(delivery, party)
}

/** Throws a MessagingError `bad-option` for what no consumer of this node has given. */
export function ackPartyOf(delivery: Delivery): AckParty {
  const party = PARTIES.get(delivery)
  if (!party) throw new MessagingError('bad-option', 'this is no delivery of a queue')
  return party
}
