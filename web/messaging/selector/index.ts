import { SelectorError } from './error.ts'
import { Parser } from './parser.ts'
import type { SelectorSubject } from './subject.ts'

export { SelectorError } from './error.ts'
export type { SelectorSubject } from './subject.ts'

/** Characters of a selector. */
export const MAX_SELECTOR_LENGTH = 4_096

export interface Selector {
  readonly text: string
  /** True only when it is true: what is not known does not match. Never throws. */
  matches(subject: SelectorSubject): boolean
}

/**
 * Message selectors as JMS, HornetQ and Artemis have them: a subset of SQL-92's conditions over a message's headers, with
 * three-valued logic. Left out: XPATH and XQUERY (bodies are values, no XML), and the prefixes `convert_string_expressions:`
 * and `hyphenated_props:` (both exist for names and types that other protocols force on headers). Compiled once to
 * functions, without `eval`. What no message can make true is refused. The empty selector means all. Throws a {@link SelectorError}.
 */
export function compileSelector(text: string): Selector {
  if (typeof text !== 'string' || text.length > MAX_SELECTOR_LENGTH)
    throw new SelectorError('', 0, `a selector is a text of at most ${MAX_SELECTOR_LENGTH} characters`)
  // As in JMS: one of blanks alone selects everything.
  if (text.trim() === '') return { text, matches: () => true }
  const evaluate = new Parser(text).parse()
  return { text, matches: (subject) => evaluate(subject) === true }
}
