import { csvRows } from './csv-rows.ts'
import type { ColumnType, CsvFormat, DatasetFormat, ReadOptions } from './dataset.ts'
import { DataError } from './errors.ts'
import { JsonValues } from './json-values.ts'
import { MAX_COLUMNS } from './limits.ts'
import { areAmbiguous } from './messages.ts'
import { namesCsv } from './read-options.ts'

type FormatKind = DatasetFormat['kind']
type CsvSigns = Required<Pick<CsvFormat, 'delimiter' | 'quote' | 'comment'>>
/** What is known before the header line has been read. */
export type Dialect =
  | (CsvSigns & {
      readonly kind: 'csv'
      readonly hasHeader: boolean
      /** A line `sep=;` included. */
      readonly skipLines: number
      /** Fields of the widest row that was looked at. */
      readonly width: number
    })
  /** `values`: not one a line, but an array or values over several lines. */
  | { readonly kind: 'ndjson'; readonly layout: 'lines' | 'values' }
  | { readonly kind: 'text' }

/** The beginning of a file, which everything is guessed from. */
export interface Head {
  readonly name: string
  readonly text: string
  /** It is all of the file. */
  readonly isWhole: boolean
}

const KIND_OF_EXTENSION: ReadonlyMap<string, FormatKind> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['tab', 'csv'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['json', 'ndjson'],
  ['geojson', 'ndjson'],
  ['txt', 'text'],
  ['log', 'text'],
  ['md', 'text'],
])
/** The first of several that fit equally: a comma is also in prices and names. */
const DELIMITERS = ['\t', ';', '|', ',']
const GUESSED_ROWS = 1_000
/** A hint by the name holds while it fits most rows. */
const HINT_SCORE = 0.5
/** A delimiter that gives every row so many times the fields of another's widest is it, however ragged. */
const CLEARLY_WIDER = 2
/** What may follow `{` and `[`: RTF and the like begin with one too. */
const JSON_BEGINNING = /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:["{[\]\dtfn-]|$))/
const SEPARATOR_LINE = /^sep=([\x20-\x7e\t])\r?$/i

/** By the options, else by the name's ending, else by the first lines. */
export function detectDialect(head: Head, options: ReadOptions): Dialect {
  const known = namesCsv(options) ? 'csv' : undefined
  const kind =
    options.format ?? known ?? KIND_OF_EXTENSION.get(extensionOf(head.name)) ?? guessKind(head, options)
  if (kind === 'csv') return csvDialect(head, options)
  return kind === 'ndjson' ? { kind, layout: jsonLayout(head) } : { kind }
}

function extensionOf(name: string): string {
  return /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}

function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/)
}

function csvDialect(head: Head, options: ReadOptions): Dialect {
  const { quote = '"', comment = '', header: hasHeader = true } = options
  const isTaken = (sign: string) => sign === quote || sign === comment
  const separator = SEPARATOR_LINE.exec(linesOf(head.text.slice(0, 10))[0] ?? '')?.[1]
  const said = separator === undefined || isTaken(separator) ? undefined : separator
  const skipLines = Math.max(options.skipLines ?? 0, said === undefined ? 0 : 1)
  const text = behindLines(head.text, skipLines)
  const rowsBy = (delimiter: string) => wholeRows(text, { delimiter, quote, comment }, head.isWhole)
  const delimiter = options.delimiter ?? said ?? guessDelimiter(head.name, rowsBy, isTaken).delimiter
  if (areAmbiguous(delimiter, quote, comment))
    throw new DataError(
      'bad-option',
      'delimiter, quote and comment are three different characters: say `delimiter`',
    )
  const width = rowsBy(delimiter).reduce((most, row) => Math.max(most, row.length), 1)
  return { kind: 'csv', delimiter, quote, comment, hasHeader, skipLines, width }
}

function behindLines(text: string, count: number): string {
  const lineEnd = /\r\n|\r|\n/g
  for (let n = 0; n < count; n++) if (!lineEnd.exec(text)) return ''
  return text.slice(lineEnd.lastIndex)
}

/** The last row may be cut off. */
function wholeRows(text: string, signs: CsvSigns, isWhole: boolean): readonly string[][] {
  const rows: string[][] = []
  for (const batch of csvRows(text, signs)) {
    rows.push(...batch)
    if (rows.length >= GUESSED_ROWS) return rows.slice(0, GUESSED_ROWS)
  }
  return isWhole || rows.length < 2 ? rows : rows.slice(0, -1)
}

interface Guess {
  readonly delimiter: string
  /** How many of the rows have the fields that the first has: 0 to 1. */
  readonly score: number
  readonly rows: number
  /** Fields of the narrowest and of the widest row. */
  readonly least: number
  readonly most: number
}

function guessDelimiter(
  name: string,
  rowsBy: (delimiter: string) => readonly string[][],
  isTaken: (sign: string) => boolean,
): Guess {
  const guesses = DELIMITERS.filter((sign) => !isTaken(sign)).map((delimiter): Guess => {
    const rows = rowsBy(delimiter)
    const widths = rows.map((row) => row.length)
    const [least, most] = [
      widths.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER),
      Math.max(0, ...widths),
    ]
    return { delimiter, score: scoreOf(rows), rows: rows.length, least, most }
  })
  const hinted = ['tsv', 'tab'].includes(extensionOf(name)) ? '\t' : ','
  // A comma, where no name says otherwise; where it encloses or begins comments, any other.
  const hint = guesses.find(({ delimiter }) => delimiter === hinted) ?? (guesses.at(-1) as Guess)
  if (hinted === '\t' && hint.delimiter === hinted && hint.score >= HINT_SCORE) return hint
  const best = guesses.reduce((most, guess) => (guess.score > most.score ? guess : most))
  // Dates and prices have one comma a row, beside the many semicolons of a file whose rows differ in length.
  const wider = guesses.find(({ least, score }) => score > 0 && least >= best.most * CLEARLY_WIDER)
  if (wider) return wider
  return best.score > 0 ? best : hint
}

/** Half for a width that only the rows behind the first agree on: the first may be a title. */
function scoreOf(rows: readonly string[][]): number {
  const share = (width: number) => rows.filter((row) => row.length === width).length / rows.length
  const first = rows[0]?.length ?? 0
  if (first > 1) return share(first)
  const counts = new Map<number, number>()
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1)
  const [usual = 0] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? []
  return usual > 1 ? share(usual) / 2 : 0
}

function guessKind(head: Head, options: ReadOptions): FormatKind {
  const lines = linesOf(head.text).filter((line) => line.trim() !== '')
  const whole = lines.slice(0, head.isWhole || lines.length === 1 ? undefined : -1).slice(0, 10)
  if (whole.length > 0 && whole.every(isJsonObject)) return 'ndjson'
  if (beginsWithJson(head)) return 'ndjson'
  const quote = options.quote ?? '"'
  const rowsBy = (delimiter: string) => wholeRows(head.text, { delimiter, quote, comment: '' }, head.isWhole)
  const { score, rows } = guessDelimiter(head.name, rowsBy, (sign) => sign === quote)
  return score === 1 && rows > 1 ? 'csv' : 'text'
}

/** An array or an object over several lines: its first element, or all of it, is JSON. */
function beginsWithJson({ text, isWhole }: Head): boolean {
  if (!JSON_BEGINNING.test(text)) return false
  const values = new JsonValues()
  try {
    const lines = new TextDecoder().decode(values.push(new TextEncoder().encode(text))).split('\n')
    if (isWhole) values.finish()
    const [first = ''] = lines
    if (lines.length > 1 || (isWhole && first !== '')) JSON.parse(first)
    return true
  } catch {
    return false
  }
}

function jsonLayout({ name, text, isWhole }: Head): 'lines' | 'values' {
  const all = linesOf(text).filter((line) => line.trim() !== '')
  const [first = '', second] = isWhole ? all : all.slice(0, -1)
  const isArrayName = !['ndjson', 'jsonl'].includes(extensionOf(name))
  if (isJson(first)) {
    if (second !== undefined) return isJson(second) || !isArrayName ? 'lines' : 'values'
    return isArrayName && first.trim().startsWith('[') ? 'values' : 'lines'
  }
  if (isArrayName) return 'values'
  return /^\s*[[{]/.test(first) && second !== undefined && !isJson(second) ? 'values' : 'lines'
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

function isJsonObject(line: string): boolean {
  return /^\s*[[{]/.test(line) && isJson(line)
}

/** The format once the header is known. Throws `bad-option` for a schema that names no column of it. */
export function formatOf(
  dialect: Dialect,
  headerLine: string | undefined,
  schema: Readonly<Record<string, ColumnType>> | undefined,
): DatasetFormat {
  const typed = Object.entries(schema ?? {})
  if (dialect.kind !== 'csv') {
    if (typed.length > 0) throw new DataError('bad-option', 'only the columns of CSV can have a schema')
    return { kind: dialect.kind }
  }
  const { kind, delimiter, quote, comment } = dialect
  const columns = dialect.hasHeader ? columnsOf(headerLine ?? '', dialect) : numbered(dialect.width)
  if (columns.length > MAX_COLUMNS)
    throw new DataError('bad-option', `the file has ${columns.length} columns: ${MAX_COLUMNS} is the most`)
  const known = new Set(columns)
  for (const [column, type] of typed) {
    if (!known.has(column))
      throw new DataError('bad-option', `the schema names ${column}, which is no column`)
    if (!['string', 'number', 'boolean'].includes(type))
      throw new DataError('bad-option', `the schema gives ${column} the unknown type ${String(type)}`)
  }
  return {
    kind,
    delimiter,
    ...(quote === '"' ? {} : { quote }),
    ...(comment === '' ? {} : { comment }),
    columns,
    ...(typed.length > 0 ? { schema: Object.fromEntries(typed) } : {}),
  }
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `column${n + 1}`)
}

/** Repeated names get `_1`, `_2` and so on, in the order of the columns. */
function columnsOf(headerLine: string, signs: CsvSigns): string[] {
  const row = [...csvRows(headerLine, signs)].flat()[0] ?? []
  const used = new Set(row)
  const counts = new Map<string, number>()
  return row.map((name) => {
    let count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    if (count === 0) return name
    while (used.has(`${name}_${count}`)) count++
    counts.set(name, count + 1)
    used.add(`${name}_${count}`)
    return `${name}_${count}`
  })
}
