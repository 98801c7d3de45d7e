import Papa from 'papaparse'
import type { ColumnType, DatasetFormat, Newline } from './dataset.ts'
import { DataError } from './errors.ts'
import { MAX_COLUMNS } from './limits.ts'
import { rowBatches } from './records.ts'

export type FormatKind = DatasetFormat['kind']
/** What is known before the header line has been read. */
export type Dialect =
  | { readonly kind: 'csv'; readonly delimiter: string; readonly newline: Newline }
  | { readonly kind: 'ndjson' | 'text' }

const KIND_OF_EXTENSION: ReadonlyMap<string, FormatKind> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['tab', 'csv'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['txt', 'text'],
  ['log', 'text'],
  ['md', 'text'],
])
const GUESSED_LINES = 10

/** By the given kind, else by the name's ending, else by the first lines. `head` is the beginning of the file's text. */
export function detectDialect(name: string, head: string, kind?: FormatKind): Dialect {
  const named = kind ?? KIND_OF_EXTENSION.get(/\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '')
  const known = named ?? guessKind(head)
  if (known !== 'csv') return { kind: known }
  const { meta } = Papa.parse<string[]>(head, { preview: GUESSED_LINES, skipEmptyLines: true })
  return { kind: 'csv', delimiter: meta.delimiter, newline: meta.linebreak as Newline }
}

function guessKind(head: string): FormatKind {
  const lines = head.split('\n').filter((line) => line.trim() !== '')
  // The last line may be cut off.
  const whole = lines.slice(0, lines.length > 1 ? -1 : 1).slice(0, GUESSED_LINES)
  if (whole.length > 0 && whole.every(isJsonObject)) return 'ndjson'
  const { data, errors } = Papa.parse<string[]>(head, { preview: GUESSED_LINES, skipEmptyLines: true })
  const rows = data.length > 2 ? data.slice(0, -1) : data
  const isUndetected = errors.some(({ code }) => code === 'UndetectableDelimiter')
  const width = rows[0]?.length ?? 0
  return !isUndetected && width > 1 && rows.length > 1 && rows.every((row) => row.length === width)
    ? 'csv'
    : 'text'
}

function isJsonObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** The format once the header is known. Throws `bad-option` for a schema that names no column of it. */
export function formatOf(
  dialect: Dialect,
  header: string | undefined,
  schema: Readonly<Record<string, ColumnType>> | undefined,
): DatasetFormat {
  const typed = Object.entries(schema ?? {})
  if (dialect.kind !== 'csv') {
    if (typed.length > 0) throw new DataError('bad-option', 'only the columns of CSV can have a schema')
    return { kind: dialect.kind }
  }
  const columns = columnsOf(header ?? '', dialect)
  for (const [column, type] of typed) {
    if (!columns.includes(column))
      throw new DataError('bad-option', `the schema names ${column}, which is no column`)
    if (!['string', 'number', 'boolean'].includes(type))
      throw new DataError('bad-option', `the schema gives ${column} the unknown type ${type}`)
  }
  return { ...dialect, columns, ...(typed.length > 0 ? { schema: Object.fromEntries(typed) } : {}) }
}

/** Repeated names get `_1`, `_2` and so on, as papaparse names them. */
function columnsOf(header: string, { delimiter, newline }: Extract<Dialect, { kind: 'csv' }>): string[] {
  const row = [...rowBatches(header, delimiter, newline)].flat()[0] ?? []
  if (row.length > MAX_COLUMNS) {
    throw new DataError('bad-option', `the file has ${row.length} columns: ${MAX_COLUMNS} is the most`)
  }
  const used = new Set(row)
  const counts = new Map<string, number>()
  return row.map((name) => {
    let count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    if (count === 0) return name
    while (used.has(`${name}_${count}`)) count++
    used.add(`${name}_${count}`)
    return `${name}_${count}`
  })
}
