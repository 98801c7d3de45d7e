import { isCount } from '../base/index.ts'

/** What is unusual in a file. None of it loses a record. */
export type OddityKind =
  /** A quote that opens a field but does not enclose it: it is taken as text. */
  | 'stray-quote'
  /** A quoted field of more than 100 lines: perhaps its quote was not meant so. */
  | 'long-quote'
  /** Rows with more, or fewer, fields than there are columns. */
  | 'more-fields'
  | 'fewer-fields'
  /** Lines that are no record. */
  | 'blank-line'
  | 'comment'
  /** JSON values with a number that JavaScript would round (or take for infinite): it is kept as its text. */
  | 'number-as-text'
  /** JSON values with half a character (`\ud800` alone), which became U+FFFD. */
  | 'replaced-character'

export interface Oddity {
  readonly kind: OddityKind
  readonly count: number
  /** Of the first ones, from 1; at most five. Of a JSON array, the places in it. */
  readonly lines: readonly number[]
}

const KINDS: readonly OddityKind[] = [
  'stray-quote',
  'long-quote',
  'more-fields',
  'fewer-fields',
  'blank-line',
  'comment',
  'number-as-text',
  'replaced-character',
]
const MAX_LINES = 5

/** Counts them while a file is read. */
export class Oddities {
  readonly #all = new Map<OddityKind, { count: number; readonly lines: number[] }>()

  note(kind: OddityKind, line: number): void {
    let found = this.#all.get(kind)
    if (!found) {
      found = { count: 0, lines: [] }
      this.#all.set(kind, found)
    }
    found.count++
    if (found.lines.length < MAX_LINES) found.lines.push(line)
  }

  list(): readonly Oddity[] {
    return KINDS.flatMap((kind) => {
      const found = this.#all.get(kind)
      return found ? [{ kind, count: found.count, lines: [...found.lines] }] : []
    })
  }
}

/** From a peer or the disk; undefined when it is out of shape. */
export function readOddities(value: unknown): readonly Oddity[] | undefined {
  if (!Array.isArray(value) || value.length > KINDS.length) return undefined
  const all: Oddity[] = []
  for (const one of value) {
    const { kind, count, lines }: { kind?: unknown; count?: unknown; lines?: unknown } = Object(one)
    const known = KINDS.find((name) => name === kind)
    if (!known || !isCount(count, 1) || !Array.isArray(lines)) return undefined
    if (lines.length > MAX_LINES || !lines.every((line) => isCount(line, 1))) return undefined
    all.push({ kind: known, count, lines: [...lines] })
  }
  return all
}

/** In words, for a person. `where`: what the lines are counted in. */
export function oddityText({ kind, count, lines }: Oddity, extraKey: string): string {
  const rest = count > lines.length ? ', …' : ''
  const noun = lines.length === 1 && rest === '' ? 'line' : 'lines'
  return `${TEXTS[kind](count, extraKey)} (${noun} ${lines.join(', ')}${rest})`
}

const TEXTS: Readonly<Record<OddityKind, (count: number, extraKey: string) => string>> = {
  'stray-quote': (count) =>
    `${counted(count, 'quote does', 'quotes do')} not enclose a field and ${count === 1 ? 'is' : 'are'} taken as text: choose no quoting if quotes mean nothing in this file`,
  'long-quote': (count) =>
    `${counted(count, 'quoted field has', 'quoted fields have')} more than 100 lines: choose no quoting if a quote is only a character here`,
  'more-fields': (count, extraKey) =>
    `${counted(count, 'row has', 'rows have')} more fields than there are columns: the rest is in ${extraKey}`,
  'fewer-fields': (count) =>
    `${counted(count, 'row has', 'rows have')} fewer fields than there are columns: the last columns are missing there`,
  'blank-line': (count) => `${counted(count, 'blank line is', 'blank lines are')} no record`,
  comment: (count) => `${counted(count, 'comment is', 'comments are')} no record`,
  'number-as-text': (count) =>
    `${counted(count, 'value has', 'values have')} numbers that JavaScript cannot hold exactly: they are kept as text, with all digits`,
  'replaced-character': (count) =>
    `${counted(count, 'value has', 'values have')} half characters, which are replaced by U+FFFD`,
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
