import type { History, Loop, Sending, Take } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { name, type Violation } from './violation.ts'

/** The owner hears so long after it that a loop has ended: what its last acks were told, and then that it leaves. */
const LEAVE_MS = 1_000

/**
 * A sender's messages of one priority come to a loop in the order of its sending, for the first time; one may be late
 * because another loop had it and gave it back.
 */
export function checkOrder(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const ofText = new Map(history.sendings.map((sending) => [sending.text, sending]))
  const seen = new Set<string>()
  return inversions(history, (take) => {
    const isFirst = !seen.has(take.id) && take.deliveryCount === 1
    seen.add(take.id)
    const sending = ofText.get(take.text)
    return isFirst && sending?.tx === undefined ? sending : undefined
  }).flatMap(({ late, sending, before }) => {
    if (befell.isSplit(sending.at, late.at) || befell.isOutOfSight(sending.at, late.at)) return []
    if (history.loops.some((loop) => hasGivenBack(loop, late, sending, befell))) return []
    return [{ check: 'order', what: `${name(late)} came after ${name(before)}` }]
  })
}

/**
 * What goes to one loop alone, as a group or by an exclusive consumer, comes in order whoever had it before: what was in
 * flight first, then what is newer. What a loop has given back itself it may see again later.
 */
export function checkRedeliveryOrder(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const ofText = new Map(history.sendings.map((sending) => [sending.text, sending]))
  const failed = new Set<string>()
  const violations = inversions(history, (take) => {
    const hasFailed = failed.has(take.id)
    if (take.outcome && take.outcome.how !== 'acked') failed.add(take.id)
    const isAlone = take.group !== undefined || take.loop.isExclusive
    return isAlone && !hasFailed ? ofText.get(take.text) : undefined
  })
  return violations.flatMap(({ late, sending, before }) => {
    const { at } = sending
    if (befell.isSplit(at, late.at) || befell.isOutOfSight(at, late.at)) return []
    if (befell.isAsleep(late.loop.tab, at, late.at)) return []
    return [{ check: 'redelivery order', what: `${name(late)} came after ${name(before)}` }]
  })
}

interface Inversion {
  readonly late: Take
  readonly sending: Sending
  readonly before: Take
}

/** Attempts of one loop after a newer one of the same sender, priority and group. */
function inversions(history: History, sendingOf: (take: Take) => Sending | undefined): readonly Inversion[] {
  const newest = new Map<Loop, Map<string, { readonly take: Take; readonly at: number }>>()
  const found: Inversion[] = []
  const place = new Map(history.sendings.map((sending, at) => [sending, at]))
  for (const take of history.takes) {
    const sending = sendingOf(take)
    if (!sending) continue
    const lanes = newest.get(take.loop) ?? new Map()
    newest.set(take.loop, lanes)
    const lane = `${sending.tab} ${sending.priority} ${sending.group ?? ''}`
    const at = place.get(sending) as number
    const before = lanes.get(lane)
    if (before && before.at > at) found.push({ late: take, sending, before: before.take })
    else lanes.set(lane, { take, at })
  }
  return found
}

/** Another loop may have had it, and left it to this one: given to it while its leave was still on the way, too. */
function hasGivenBack(loop: Loop, late: Take, sending: Sending, befell: Befell): boolean {
  if (loop === late.loop || loop.queue !== late.loop.queue || loop.from >= late.at) return false
  const hasEnded = loop.to !== undefined && loop.to + LEAVE_MS >= sending.at && loop.to <= late.at
  return hasEnded || befell.isAway(loop.tab, sending.at, late.at)
}
