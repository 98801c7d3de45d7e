import type { History, Take } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { name, takesById, type Violation } from './violation.ts'

/** An attempt that failed just before its queue's owner went away may be known to nobody else. */
const REPLICATED_MS = 2_000

/**
 * `deliveryCount` is true where the owner can know it: more at each attempt after one that is known to have failed, never
 * less than before, and never more than what failed and what went away together explain.
 */
export function checkDeliveryCount(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const violations: Violation[] = []
  const wrong = (take: Take, why: string) =>
    violations.push({ check: 'deliveryCount', what: `${name(take)} ${why}` })
  for (const takes of takesById(history).values()) {
    for (const [at, take] of takes.entries()) {
      const former = takes[at - 1]
      const failed = takes.slice(0, at).filter((one) => isOver(one, take)).length
      const most = 1 + failed + befell.countUpTo(take.at)
      if (take.deliveryCount < 1 || take.deliveryCount > most) wrong(take, `can be at most ${most}`)
      if (!former || befell.isSplit(former.at, take.at)) continue
      const isLess = take.deliveryCount < former.deliveryCount
      if (isLess && !isForgotten(takes.slice(0, at), befell)) wrong(take, `is less than ${name(former)}`)
      const isSame = take.deliveryCount <= former.deliveryCount
      if (isSame && !isLess && !mayBeUnknown(former, take, befell))
        wrong(take, `is the same as ${name(former)}`)
    }
  }
  return violations
}

/** It failed, or its loop ended with it in hand. */
function isOver({ outcome, asked, loop }: Take, next: Take): boolean {
  return (
    asked?.how === 'failed' || outcome?.how === 'refused' || (loop.to !== undefined && loop.to <= next.at)
  )
}

/** Whoever owned the queue when one of these failed went away at once. */
function isForgotten(takes: readonly Take[], befell: Befell): boolean {
  const ends = takes.map(({ outcome, loop, at }) => outcome?.at ?? loop.to ?? at)
  return ends.some((end) => befell.hasLeft(end - REPLICATED_MS, end + REPLICATED_MS))
}

/** No owner has heard that the former attempt failed: its tab or the queue's owner was away, or it went on without an end. */
function mayBeUnknown(former: Take, take: Take, befell: Befell): boolean {
  const { outcome, loop } = former
  if (outcome?.how === 'failed') return false
  if (outcome) return true
  return befell.isAnybodyAway(former.at, take.at) || loop.to === undefined
}
