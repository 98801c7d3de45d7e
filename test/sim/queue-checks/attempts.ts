import type { History, Take } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { finishedAt, name, takesById, type Violation } from './violation.ts'

/**
 * A message is in one hand at a time: it comes again only after the attempt before has ended, because its loop gave it back or
 * ended, or its tab went away. What comes again after an ack is for `checkRepeats`.
 */
export function checkAttempts(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const violations: Violation[] = []
  for (const takes of takesById(history).values()) {
    for (const [at, take] of takes.entries()) {
      const former = takes[at - 1]
      if (former && !isOver(former, take, befell))
        violations.push({ check: 'two hands', what: `${name(take)} while ${name(former)}` })
    }
  }
  return [...violations, ...refusals(history, befell), ...doubles(history, befell)]
}

function isOver(former: Take, take: Take, befell: Befell): boolean {
  const { loop, outcome, asked } = former
  const finished = finishedAt(former)
  if (finished !== undefined && finished < take.at) return true
  if (outcome?.how === 'refused' || asked?.how === 'failed') return true
  if (loop.to !== undefined && loop.to <= take.at) return true
  if (befell.isAway(loop.tab, former.at, take.at) || befell.isAsleep(take.loop.tab, former.at, take.at))
    return true
  return befell.isSplit(former.at, take.at)
}

/** An ack is refused to who was away or on another side, and where nobody is here who keeps the message. */
function refusals(history: History, befell: Befell): readonly Violation[] {
  const ofTransfers = new Set(history.transfers.map(({ ack }) => ack))
  const byId = takesById(history)
  return history.takes.flatMap((take) => {
    const { outcome, asked, loop, at, id } = take
    if (outcome?.how !== 'refused' || loop.to !== undefined) return []
    if (befell.isAway(loop.tab, at, outcome.at) || befell.isSplit(at, outcome.at)) return []
    if (befell.isOutOfSight(at, outcome.at)) return []
    // Another's ack, of which it was never told: it died too soon.
    const isFinished = byId
      .get(id)
      ?.some((one) => one !== take && !one.outcome && befell.isAway(one.loop.tab, one.at, at))
    if (isFinished) return []
    // Its own ack, whose answer was lost with the owner.
    if (asked?.how === 'acked' && befell.hasLeft(asked.at, outcome.at)) return []
    // Of a transaction that could not be prepared nobody knows whose the attempts are, once an owner is gone.
    if (ofTransfers.has(take) && befell.isAnybodyAway(at, outcome.at)) return []
    return [{ check: 'refused', what: name(take) }]
  })
}

/** What was sent once is in its queue once, and of one dedup id one message is taken in. */
function doubles(history: History, befell: Befell): readonly Violation[] {
  const byText = new Map<string, Take>()
  const byDedupId = new Map<string, Take>()
  const ofText = new Map(history.sendings.map((sending) => [sending.text, sending]))
  const violations: Violation[] = []
  for (const take of history.takes) {
    const place = `${take.loop.queue} ${take.text}`
    const known = byText.get(place)
    if (known && known.id !== take.id)
      violations.push({ check: 'doubled', what: `${name(take)} and ${name(known)} are two messages` })
    byText.set(place, known ?? take)
    const dedupId = ofText.get(take.text)?.dedupId
    if (dedupId === undefined) continue
    const twin = byDedupId.get(dedupId)
    if (twin && twin.text !== take.text && !befell.isSplit(0, take.at))
      violations.push({ check: 'doubled', what: `${name(take)} and ${name(twin)} have one dedup id` })
    byDedupId.set(dedupId, twin ?? take)
  }
  return violations
}
