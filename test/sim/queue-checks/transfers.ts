import type { History, Take, Transfer } from '../queue-history.ts'
import { Befell } from './befell.ts'
import { finishedAt, name, type Violation } from './violation.ts'

/**
 * Transactions are whole: the messages of one are seen in each of its queues or in none; of a commit that was told they are,
 * of an abort they are not; and what one has acked is acked once, so no two of them bring the same message.
 */
export function checkTransfers(history: History): readonly Violation[] {
  const befell = new Befell(history)
  const seen = new Map<string, Set<string>>()
  const txOf = new Map(
    history.sendings.flatMap(({ text, tx }) => (tx === undefined ? [] : [[text, tx] as const])),
  )
  for (const { text, loop } of history.takes) {
    const tx = txOf.get(text)
    if (tx !== undefined) seen.set(tx, (seen.get(tx) ?? new Set()).add(loop.queue))
  }
  const halves = history.transfers.flatMap((transfer) => judge(transfer, seen.get(transfer.name)))
  return [...halves, ...twice(history, seen, befell)]
}

function judge(transfer: Transfer, seen: ReadonlySet<string> | undefined): readonly Violation[] {
  const { queues, outcome } = transfer
  const missing = queues.filter((queue) => !seen?.has(queue))
  const wrong = (what: string) => [
    { check: 'transaction', what: `${transfer.name} of ${name(transfer.ack)} ${what}` },
  ]
  if (missing.length > 0 && missing.length < queues.length)
    return wrong(`is not in ${missing.join(', ')} alone`)
  if (outcome?.how === 'committed' && missing.length > 0) return wrong('was committed, and nobody saw it')
  if (outcome?.how === 'aborted' && seen) return wrong(`was aborted, and came out in ${[...seen].join(', ')}`)
  return []
}

/** A message that two transactions brought, though the first had acked it. */
function twice(
  history: History,
  seen: ReadonlyMap<string, ReadonlySet<string>>,
  befell: Befell,
): readonly Violation[] {
  const brought = new Map<string, Transfer>()
  return history.transfers.flatMap((transfer) => {
    if (!seen.has(transfer.name)) return []
    const known = brought.get(transfer.ack.id)
    brought.set(transfer.ack.id, known ?? transfer)
    if (!known || mayBothHold(known, transfer.ack, befell)) return []
    return [
      { check: 'transaction', what: `${known.name} and ${transfer.name} brought ${name(transfer.ack)}` },
    ]
  })
}

/** A split has two sides, and a tab that was away for long is presumed to have aborted. */
function mayBothHold(known: Transfer, again: Take, befell: Befell): boolean {
  const from = finishedAt(known.ack) ?? known.at
  return (
    befell.isSplit(known.at, from) ||
    (befell.isAway(known.tab, known.at, again.at) && again.at - known.at > 60_000)
  )
}
