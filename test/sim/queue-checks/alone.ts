import type { History, Take } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { name, type Violation } from './violation.ts'

/** What goes to one loop alone, as a group or by an exclusive consumer, is in the hands of one loop at a time. */
export function checkAlone(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const inHand = new Map<string, Take[]>()
  return history.takes.flatMap((take) => {
    const { group, loop } = take
    if (group === undefined && !loop.isExclusive) return []
    const place = `${loop.queue} ${group ?? ''}`
    const open = (inHand.get(place) ?? []).filter((one) => isInHand(one, take.at))
    inHand.set(place, [...open, take])
    const other = open.find((one) => one.loop !== loop && !isGone(one, take, befell))
    return other ? [{ check: 'alone', what: `${name(take)} while ${name(other)}` }] : []
  })
}

function isInHand({ outcome, loop }: Take, at: number): boolean {
  return (outcome === undefined || outcome.at > at) && (loop.to === undefined || loop.to > at)
}

function isGone(one: Take, take: Take, befell: Befell): boolean {
  if (befell.isSplit(one.at, take.at) || befell.isOutOfSight(one.at, take.at)) return true
  return befell.isAway(one.loop.tab, one.at, take.at) || befell.isAsleep(take.loop.tab, one.at, take.at)
}
