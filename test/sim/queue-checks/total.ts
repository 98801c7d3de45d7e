import type { History } from '../queue-history.ts'
import type { Violation } from './violation.ts'

/** Jepsen's total-queue: what was confirmed comes out, and nothing comes out that was not sent. */
export function checkTotal(history: History): readonly Violation[] {
  const out = new Set(history.cameOut())
  const sent = new Set(history.sendings.map(({ text }) => text))
  const violations: Violation[] = []
  for (const text of owed(history))
    if (!out.has(text)) violations.push({ check: 'lost', what: `${text} never came out` })
  for (const { text } of history.takes)
    if (!sent.has(text)) violations.push({ check: 'unexpected', what: `${text} was never sent` })
  return violations
}

/** What must come out: a message on one disk alone may be lost with it, and of one dedup id one comes. */
export function owed(history: History): ReadonlySet<string> {
  const levels = history.lostDisks.length > 0 ? ['replicated'] : ['accepted', 'stored', 'replicated']
  return new Set(
    history.sendings.flatMap(({ text, told, tx }) =>
      told && tx === undefined && !told.isDuplicate && levels.includes(told.level) ? text : [],
    ),
  )
}
