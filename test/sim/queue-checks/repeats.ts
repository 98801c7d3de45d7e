import type { History } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { finishedAt, knownBy, name, takesById, type Violation } from './violation.ts'

/**
 * What comes again after an ack of it was confirmed: nothing, but for what the other side of a split went on with, and
 * what a tab that slept had in its buffer.
 */
export function checkRepeats(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const violations: Violation[] = []
  for (const takes of takesById(history).values()) {
    const acked = takes.filter((take) => finishedAt(take) !== undefined)
    for (const again of takes) {
      const ack = acked.find((take) => take !== again && (finishedAt(take) as number) < again.at)
      if (!ack) continue
      const since = finishedAt(ack) as number
      if (befell.isSplit(since, knownBy(history, ack)) || befell.isAsleep(again.loop.tab, since, again.at))
        continue
      violations.push({ check: 'repeated', what: `${name(again)} came after ${name(ack)}` })
    }
  }
  return violations
}
