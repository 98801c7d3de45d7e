import { TextCodes } from './codes.ts'
import { CsvWalker } from './csv-walker.ts'
import type { CsvFormat } from './dataset.ts'

/** Rows that are parsed at once, so that a shard's records are never all in memory. */
const BATCH_ROWS = 1_024
const CARRIAGE_RETURN = 13
const LINE_FEED = 10

/** The rows of CSV text by the rules of {@link CsvWalker}; blank lines and comments are none. */
export function* csvRows(
  text: string,
  format: Pick<CsvFormat, 'delimiter' | 'quote' | 'comment'>,
): Generator<string[][]> {
  const { delimiter, quote = '"', comment = '' } = format
  if (comment === '' && (quote === '' || !text.includes(quote))) {
    yield* plainRows(text, delimiter)
    return
  }
  const find = (sign: string, from: number) => (sign === '' ? -1 : text.indexOf(sign, from))
  const readQuoted = quotedReader(text, format)
  let rows: string[][] = []
  let at = 0
  let nextQuote = find(quote, 0)
  let lineFeed = find('\n', 0)
  let carriageReturn = find('\r', 0)
  while (at < text.length) {
    if (nextQuote !== -1 && nextQuote < at) nextQuote = find(quote, at)
    if (lineFeed !== -1 && lineFeed < at) lineFeed = find('\n', at)
    if (carriageReturn !== -1 && carriageReturn < at) carriageReturn = find('\r', at)
    const end = nearest(lineFeed, carriageReturn, text.length)
    const isComment = comment !== '' && text[at] === comment
    if (nextQuote !== -1 && nextQuote < end && !isComment) {
      const row: string[] = []
      at = readQuoted(at, row)
      rows.push(row)
    } else {
      if (end > at && !isComment) rows.push(text.slice(at, end).split(delimiter))
      at =
        text.charCodeAt(end) === CARRIAGE_RETURN && text.charCodeAt(end + 1) === LINE_FEED ? end + 2 : end + 1
    }
    if (rows.length < BATCH_ROWS) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
}

/** Of text in which a line is a record. */
function* plainRows(text: string, delimiter: string): Generator<string[][]> {
  const lines = text.includes('\r') ? text.split(/\r\n|\r|\n/) : text.split('\n')
  let rows: string[][] = []
  for (const line of lines) {
    if (line === '') continue
    rows.push(line.split(delimiter))
    if (rows.length < BATCH_ROWS) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
}

function nearest(one: number, other: number, none: number): number {
  if (one === -1) return other === -1 ? none : other
  return other === -1 || one < other ? one : other
}

/** Puts the fields of the record at a place into a row, and returns the place behind it. */
function quotedReader(
  text: string,
  format: Pick<CsvFormat, 'delimiter' | 'quote' | 'comment'>,
): (at: number, row: string[]) => number {
  const { quote = '"' } = format
  const walker = new CsvWalker(format)
  const codes = new TextCodes(text)
  const doubled = quote + quote
  let row: string[] = []
  const take = (from: number, to: number, isQuoted: boolean) => {
    const field = text.slice(from, to)
    row.push(isQuoted && field.includes(quote) ? field.replaceAll(doubled, () => quote) : field)
  }
  return (at, into) => {
    row = into
    return walker.walk(codes, at, true, take)
  }
}
