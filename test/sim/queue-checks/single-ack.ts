import type { History } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { finishedAt, knownBy, name, takesById, type Violation } from './violation.ts'

/** Of all attempts at a message one is confirmed to be the one that finished it; both sides of a split may say so once. */
export function checkSingleAck(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const violations: Violation[] = []
  for (const takes of takesById(history).values()) {
    const acked = takes.filter((take) => finishedAt(take) !== undefined)
    const [first, ...others] = acked.sort((a, b) => (finishedAt(a) as number) - (finishedAt(b) as number))
    if (!first) continue
    for (const other of others) {
      if (befell.isSplit(finishedAt(first) as number, knownBy(history, first))) continue
      violations.push({ check: 'two acks', what: `${name(other)} and ${name(first)}` })
    }
  }
  return violations
}
