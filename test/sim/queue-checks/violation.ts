import type { History, Take } from '../queue-history.ts'

/** What a story's history must not have, in words that name the messages. */
export interface Violation {
  readonly check: string
  readonly what: string
}

export type Check = (history: History) => readonly Violation[]

/** The attempts at each message, by its id, in the order in which they came. */
export function takesById(history: Pick<History, 'takes'>): ReadonlyMap<string, readonly Take[]> {
  const byId = new Map<string, Take[]>()
  for (const take of history.takes) {
    const known = byId.get(take.id)
    if (known) known.push(take)
    else byId.set(take.id, [take])
  }
  return byId
}

/** When the message of this attempt was finished for good, as its tab was told. */
export function finishedAt({ outcome }: Take): number | undefined {
  return outcome?.how === 'acked' || outcome?.how === 'committed' ? outcome.at : undefined
}

/** So long the end of a message that one device alone has kept may take to its sender, which keeps it in its outbox till then. */
const TOLD_MS = 1_000

/**
 * Until when a split may still keep the end of this attempt's message from the others: an ack waits for the copies, so it is
 * the moment of its confirmation; where there was no copy but the sender's own, a little longer.
 */
export function knownBy({ sendings }: Pick<History, 'sendings'>, take: Take): number {
  const at = finishedAt(take) as number
  const sending = sendings.find(({ text }) => text === take.text)
  return sending?.told?.level === 'replicated' ? at : at + TOLD_MS
}

/** For people: which attempt this is. */
export function name({ text, loop, at, deliveryCount, outcome }: Take): string {
  const end = outcome ? `, ${outcome.how} at ${outcome.at.toFixed(0)}` : ''
  return `${text} (attempt ${deliveryCount} in ${loop.queue}, tab ${loop.tab} at ${at.toFixed(0)}${end})`
}
