import { csvRows } from './csv-rows.ts'
import type { ColumnType, CsvFormat, DatasetFormat } from './dataset.ts'
import { isBlankLine, jsonValue, mayLoseValues } from './json-value.ts'

/** Bytes or characters that are parsed at once: what fits a processor's cache and dies young. */
const BATCH_LENGTH = 64 * 1024
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
 * {@link extraKeyOf}; blank lines and comments are skipped. NDJSON: the value of each line that is not blank, as
 * {@link jsonValue} has it; throws a SyntaxError for a line that is no JSON. Text: each line without its line end.
 */
export function recordBatches(bytes: Uint8Array, format: DatasetFormat): Generator<readonly unknown[]> {
  switch (format.kind) {
    case 'csv':
      return csvBatches(bytes, format)
    case 'ndjson':
      return valueBatches(bytes, format.exact === true)
    case 'text':
      return lineBatches(bytes)
  }
}

/** The text piece by piece, each with whole lines. */
function* pieces(
  bytes: Uint8Array,
  fatal = false,
): Generator<{ readonly text: string; readonly bytes: Uint8Array }> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal })
  for (let start = 0; start < bytes.byteLength; ) {
    const end = pieceEnd(bytes, start + BATCH_LENGTH)
    const piece = bytes.subarray(start, end)
    yield { text: decoder.decode(piece), bytes: piece }
    start = end
  }
}

/** Behind the first line end from there on. */
function pieceEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.byteLength; at++) {
    if (bytes[at] === LINE_FEED) return at + 1
    if (bytes[at] === CARRIAGE_RETURN) return bytes[at + 1] === LINE_FEED ? at + 2 : at + 1
  }
  return bytes.byteLength
}

function* csvBatches(bytes: Uint8Array, format: CsvFormat): Generator<readonly unknown[]> {
  const create = recordCreator(format)
  const { quote = '"' } = format
  // Behind a quote a line end may be a field's, which only the parser can tell.
  const isPlain = quote === '' || !bytes.includes(quote.charCodeAt(0))
  for (const { text } of isPlain ? pieces(bytes) : [{ text: decoded(bytes) }]) {
    for (const rows of csvRows(text, format)) yield rows.map(create)
  }
}

function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/** Where the fields are that a row has beyond the columns: a name that no column has. */
export function extraKeyOf(columns: readonly string[]): string {
  const known = new Set(columns)
  let key = '__parsed_extra'
  for (let n = 1; known.has(key); n++) key = `__parsed_extra_${n}`
  return key
}

function recordCreator({ columns, schema }: CsvFormat): (row: string[]) => Record<string, unknown> {
  const types = columns.map((column) => (schema && Object.hasOwn(schema, column) ? schema[column] : 'string'))
  const isTyped = types.some((type) => type !== 'string')
  const hasProto = columns.includes('__proto__')
  const extraKey = extraKeyOf(columns)
  return (row) => {
    const record: Record<string, unknown> = {}
    const count = Math.min(row.length, columns.length)
    for (let i = 0; i < count; i++) {
      const value = isTyped ? typedField(row[i] as string, types[i]) : row[i]
      if (hasProto) setOwn(record, columns[i] as string, value)
      else record[columns[i] as string] = value
    }
    if (row.length > columns.length) record[extraKey] = row.slice(columns.length)
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

function* valueBatches(bytes: Uint8Array, isExact: boolean): Generator<readonly unknown[]> {
  for (const { lines, mayLose } of jsonLines(bytes, isExact)) {
    const values: unknown[] = []
    if (mayLose)
      for (const line of lines) {
        if (!isBlankLine(line)) values.push(jsonValue(line))
      }
    else
      for (const line of lines) {
        if (!isBlankLine(line)) values.push(JSON.parse(line))
      }
    yield values
  }
}

/** Lines of NDJSON that nobody has looked at yet, by {@link jsonLines}. Throws a TypeError where it is not UTF-8. */
export function newJsonLines(bytes: Uint8Array): ReturnType<typeof jsonLines> {
  return jsonLines(bytes, false, true)
}

/** Lines of NDJSON, blank ones too. `mayLose`: {@link jsonValue} reads them, else `JSON.parse` does, which is faster. */
function* jsonLines(
  bytes: Uint8Array,
  isExact: boolean,
  isNew = false,
): Generator<{ readonly lines: readonly string[]; readonly mayLose: boolean }> {
  for (const piece of pieces(bytes, isNew))
    yield { lines: linesOf(piece.text), mayLose: !isExact && mayLoseValues(piece.text, piece.bytes) }
}

function* lineBatches(bytes: Uint8Array): Generator<readonly string[]> {
  for (const { text } of pieces(bytes)) yield linesOf(text)
}

function linesOf(text: string): string[] {
  const lines = text.includes('\r') ? text.split(/\r\n|\r|\n/) : text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}
