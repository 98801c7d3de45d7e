import type { History } from '../queue-history.ts'
import { checkAlone } from './alone.ts'
import { checkAttempts } from './attempts.ts'
import { checkDeliveryCount } from './delivery-count.ts'
import { checkOrder, checkRedeliveryOrder } from './order.ts'
import { checkRepeats } from './repeats.ts'
import { checkSingleAck } from './single-ack.ts'
import { checkTotal } from './total.ts'
import { checkTransfers } from './transfers.ts'
import type { Check, Violation } from './violation.ts'

export type { Violation } from './violation.ts'

const CHECKS: readonly Check[] = [
  checkTotal,
  checkRepeats,
  checkSingleAck,
  checkAttempts,
  checkAlone,
  checkDeliveryCount,
  checkOrder,
  checkRedeliveryOrder,
  checkTransfers,
]

/** Everything that is wrong with a story's history. */
export function violationsOf(history: History): readonly Violation[] {
  return CHECKS.flatMap((check) => check(history))
}
