import { ByteCodes, behindLineEnd, isLineEnd } from './codes.ts'
import { CsvWalker } from './csv-walker.ts'
import type { CsvFormat } from './dataset.ts'
import type { Oddities } from './oddities.ts'
import type { RecordScanner } from './record-scanner.ts'

/** A quoted field of more lines is worth a look. */
const LONG_QUOTE_LINES = 100

export interface CsvScannerOptions {
  readonly format: Pick<CsvFormat, 'delimiter' | 'quote' | 'comment'>
  /** Lines at the beginning that are no records, whatever is in them. */
  readonly skipLines: number
  /** Fields that a row should have. Left out: as many as the first record, which is the header line. */
  readonly width: number | undefined
  readonly oddities: Oddities
}

/** Finds the records of CSV by {@link CsvWalker}, and counts what does not fit. */
export class CsvScanner implements RecordScanner {
  readonly #walker: CsvWalker
  readonly #lines: CsvWalker
  readonly #oddities: Oddities
  #bytes: Uint8Array | undefined
  #codes = new ByteCodes(new Uint8Array(0))
  /** -1 when nothing is one. */
  readonly #quote: number
  /** The next quote, or the end: what is in front of it needs no automaton. */
  #quoteAt = -1
  #skip: number
  #width: number | undefined
  /** Of what is found next, from 1. */
  #line = 1
  isRecord = true

  constructor({ format, skipLines, width, oddities }: CsvScannerOptions) {
    this.#walker = new CsvWalker(format)
    this.#lines = new CsvWalker({ ...format, quote: '', comment: '' })
    const { quote = '"' } = format
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0)
    this.#skip = skipLines
    this.#width = width
    this.#oddities = oddities
  }

  get lines(): number {
    return this.#line - 1
  }

  next(bytes: Uint8Array, start: number, isLast: boolean): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#codes = new ByteCodes(bytes)
      this.#quoteAt = -1
    }
    const walker = this.#skip > 0 ? this.#lines : this.#walker
    const end = this.#walk(walker, bytes, start, isLast)
    if (end === -1) return -1
    this.isRecord = this.#skip === 0 && this.#look(start)
    if (this.#skip > 0) this.#skip--
    this.#line += 1 + walker.innerLines
    return end
  }

  #walk(walker: CsvWalker, bytes: Uint8Array, start: number, isLast: boolean): number {
    if (this.#quoteAt < start) this.#quoteAt = placeOf(bytes, this.#quote, start)
    const isPlain = this.#quoteAt > start && !walker.isComment(this.#codes, start)
    const lineEnd = isPlain ? walker.walkPlain(bytes, start, this.#quoteAt) : -1
    return lineEnd === -1
      ? walker.walk(this.#codes, start, isLast)
      : behindLineEnd(this.#codes, lineEnd, isLast)
  }

  /** Whether it is a record. */
  #look(start: number): boolean {
    const { fields, strayQuotes, innerLines } = this.#walker
    if (isLineEnd(this.#codes.at(start))) {
      this.#oddities.note('blank-line', this.#line)
      return false
    }
    if (this.#walker.isComment(this.#codes, start)) {
      this.#oddities.note('comment', this.#line)
      return false
    }
    for (let n = 0; n < strayQuotes; n++) this.#oddities.note('stray-quote', this.#line)
    if (innerLines > LONG_QUOTE_LINES) this.#oddities.note('long-quote', this.#line)
    this.#width ??= fields
    if (fields > this.#width) this.#oddities.note('more-fields', this.#line)
    else if (fields < this.#width) this.#oddities.note('fewer-fields', this.#line)
    return true
  }
}

function placeOf(bytes: Uint8Array, code: number, from: number): number {
  const at = code === -1 ? -1 : bytes.indexOf(code, from)
  return at === -1 ? bytes.byteLength : at
}
