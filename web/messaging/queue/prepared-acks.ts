import { MessagingError } from '../errors.ts'
import type { Delivery } from './queue.ts'

/** How a transaction finishes a delivery: with its consumer's lease held, and only when it commits. */
export interface PreparedAck {
  readonly queue: string
  /** False when the attempt is another's by now. */
  prepare(tx: string, home: string): Promise<boolean>
  conclude(isCommitted: boolean): void
}

const PREPARERS = new WeakMap<Delivery, PreparedAck>()

/** A consumer says how its delivery takes part in transactions; nobody sees it on the delivery itself. */
export function offerAck(delivery: Delivery, prepared: PreparedAck): void {
  PREPARERS.set(delivery, prepared)
}

/** Throws a MessagingError `bad-option` for what no consumer of this node has given. */
export function prepareAck(delivery: Delivery): PreparedAck {
  const prepared = PREPARERS.get(delivery)
  if (!prepared) throw new MessagingError('bad-option', 'this is no delivery of a queue')
  return prepared
}
