import Papa from 'papaparse'
import type { ColumnType, DatasetFormat } from './dataset.ts'

type CsvFormat = Extract<DatasetFormat, { kind: 'csv' }>

/** Rows that are parsed at once, so that a shard's records are never all in memory. */
const BATCH_ROWS = 1_024
/** Bytes or characters that are parsed at once: what fits a processor's cache and dies young. */
const BATCH_LENGTH = 64 * 1024
const QUOTE = 34
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/
const LARGEST_EXACT = 2 ** 53

/**
 * The one parser of shards, for `records()`, previews and tasks. Visits one record after another; a visit that returns
 * a promise is awaited before the next, one that does not costs no turn of the event loop.
 */
export async function forEachRecord(
  bytes: Uint8Array,
  format: DatasetFormat,
  visit: (record: unknown) => void | Promise<void>,
): Promise<void> {
  for (const batch of recordBatches(bytes, format)) {
    for (const record of batch) {
      const waiting = visit(record)
      if (waiting) await waiting
    }
  }
}

/**
 * CSV: an object with the columns as keys; a row with fewer fields lacks the last ones, surplus fields are an array under
 * `__parsed_extra`, as papaparse does; blank lines are skipped. NDJSON: the value of each line that is not blank; throws
 * a SyntaxError for a line that is no JSON. Text: each line without its line end.
 */
export function recordBatches(bytes: Uint8Array, format: DatasetFormat): Generator<readonly unknown[]> {
  switch (format.kind) {
    case 'csv':
      return csvBatches(bytes, format)
    case 'ndjson':
      return valueBatches(bytes)
    case 'text':
      return lineBatches(bytes)
  }
}

/** The text piece by piece, each with whole lines. */
function* pieces(bytes: Uint8Array, newline: string): Generator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  for (let start = 0; start < bytes.byteLength; ) {
    const end = pieceEnd(bytes, start, newline)
    yield decoder.decode(bytes.subarray(start, end))
    start = end
  }
}

/** Behind the first line end from {@link BATCH_LENGTH} on. */
function pieceEnd(bytes: Uint8Array, start: number, newline: string): number {
  const lineEnd = newline === '\r' ? CARRIAGE_RETURN : LINE_FEED
  let at = bytes.indexOf(lineEnd, start + BATCH_LENGTH)
  while (at !== -1 && newline === '\r\n' && bytes[at - 1] !== CARRIAGE_RETURN)
    at = bytes.indexOf(lineEnd, at + 1)
  return at === -1 ? bytes.byteLength : at + 1
}

/** The rows of CSV text as papaparse sees them, blank lines left out. */
export function* rowBatches(text: string, delimiter: string, newline: string): Generator<string[][]> {
  let cursor = 0
  let nextQuote = -2
  while (cursor < text.length) {
    if (nextQuote !== -1 && nextQuote < cursor) nextQuote = text.indexOf('"', cursor)
    const end = nextQuote === -1 ? rowsEnd(text, cursor, newline) : text.length
    const parser = new Papa.Parser({
      delimiter,
      newline: newline as '\n',
      fastMode: nextQuote === -1,
      ...(nextQuote === -1 ? {} : { preview: BATCH_ROWS }),
    })
    const result = parser.parse(text.slice(cursor, end), 0, false) as ParserResult
    cursor = nextQuote === -1 ? end : cursor + result.meta.cursor
    yield result.data.filter((row) => row.length > 1 || row[0] !== '')
  }
}

interface ParserResult {
  readonly data: string[][]
  readonly meta: { readonly cursor: number }
}

/** After a line end, so that the piece has whole rows; only for text without quotes. */
function rowsEnd(text: string, start: number, newline: string): number {
  if (text.length - start <= BATCH_LENGTH) return text.length
  const at = text.indexOf(newline, start + BATCH_LENGTH)
  return at === -1 ? text.length : at + newline.length
}

function* csvBatches(bytes: Uint8Array, format: CsvFormat): Generator<readonly unknown[]> {
  const create = recordCreator(format)
  const { delimiter, newline = '\n' } = format
  // Behind a quote a line end may be a field's, which only the parser can tell.
  const texts = bytes.includes(QUOTE) ? [decoded(bytes)] : pieces(bytes, newline)
  for (const text of texts) {
    for (const rows of rowBatches(text, delimiter, newline)) yield rows.map(create)
  }
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

function recordCreator({ columns, schema }: CsvFormat): (row: string[]) => Record<string, unknown> {
  const types = columns.map((column) => (schema && Object.hasOwn(schema, column) ? schema[column] : 'string'))
  const isTyped = types.some((type) => type !== 'string')
  const hasProto = columns.includes('__proto__')
  return (row) => {
    const record: Record<string, unknown> = {}
    const count = Math.min(row.length, columns.length)
    for (let i = 0; i < count; i++) {
      const value = isTyped ? typedField(row[i] as string, types[i]) : row[i]
      if (hasProto) setOwn(record, columns[i] as string, value)
      else record[columns[i] as string] = value
    }
    if (row.length > columns.length) record['__parsed_extra'] = row.slice(columns.length)
    return record
  }
}

/** Assigning would set the prototype for one name. */
function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
}

/** The field as its column's type; unchanged when it does not fit. A number that would lose digits does not. */
export function typedField(field: string, type: ColumnType | undefined): string | number | boolean {
  if (type === 'number') {
    if (!NUMBER.test(field)) return field
    const value = Number(field)
    return Math.abs(value) < LARGEST_EXACT ? value : field
  }
  if (type !== 'boolean') return field
  const lower = field.length <= 5 ? field.toLowerCase() : ''
  return lower === 'true' ? true : lower === 'false' ? false : field
}

function* valueBatches(bytes: Uint8Array): Generator<readonly unknown[]> {
  for (const lines of lineBatches(bytes)) {
    const values: unknown[] = []
    for (const line of lines) if (line.trim() !== '') values.push(JSON.parse(line))
    yield values
  }
}

function* lineBatches(bytes: Uint8Array): Generator<readonly string[]> {
  for (const text of pieces(bytes, '\n')) {
    const lines = text.split('\n')
    if (lines.at(-1) === '') lines.pop()
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string
      if (line.endsWith('\r')) lines[i] = line.slice(0, -1)
    }
    yield lines
  }
}
