import type { Newline } from './dataset.ts'
import type { RecordScanner } from './line-scanner.ts'
import { WhiteSpace } from './white-space.ts'

const QUOTE = 34
const CARRIAGE_RETURN = 13
const LINE_FEED = 10

/**
 * `field-start`: the next byte decides whether the field is quoted. `plain`: in a field without quotes.
 * `quoted`: behind an opening quote. `after-quote`: behind a quote that closes the field if only white space follows up
 * to a delimiter or line end.
 */
type State = 'field-start' | 'plain' | 'quoted' | 'after-quote'

/**
 * Finds record ends exactly where papaparse 5.7 does with this delimiter and line end: a field is quoted when its first
 * byte is a quote; two quotes are one; white space (as `trim` sees it) may follow the closing quote; any other quote is text.
 */
export class CsvScanner implements RecordScanner {
  readonly #delimiter: number
  /** The last byte of a line end. */
  readonly #lineEnd: number
  readonly #isPair: boolean
  readonly #space = new WhiteSpace()
  #state: State = 'field-start'
  #previous = -1
  /** Bytes of the current record before the current chunk. */
  #carried = 0
  #hasDelimiter = false
  #isQuoted = false
  #hasQuotedContent = false

  constructor(options: { readonly delimiter: string; readonly newline: Newline }) {
    this.#delimiter = options.delimiter.charCodeAt(0)
    this.#lineEnd = options.newline === '\r' ? CARRIAGE_RETURN : LINE_FEED
    this.#isPair = options.newline === '\r\n'
  }

  scan(chunk: Uint8Array, onRecord: (end: number, isBlank: boolean) => void): void {
    let recordStart = -this.#carried
    const length = chunk.byteLength
    let i = 0
    while (i < length) {
      const byte = chunk[i] as number
      if (this.#state === 'quoted') {
        i = this.#skipQuoted(chunk, i)
        continue
      }
      if (this.#state === 'field-start' && byte === QUOTE) {
        this.#state = 'quoted'
        this.#isQuoted = true
      } else if (byte === this.#delimiter) {
        this.#state = 'field-start'
        this.#hasDelimiter = true
      } else if (
        byte === this.#lineEnd &&
        (!this.#isPair || this.#previousOf(chunk, i) === CARRIAGE_RETURN)
      ) {
        onRecord(i + 1, this.#isBlankLine(i + 1 - recordStart))
        recordStart = i + 1
        this.#startRecord()
      } else if (this.#state === 'after-quote') {
        this.#continueAfterQuote(byte)
      } else {
        i = this.#skipPlain(chunk, i)
        continue
      }
      i++
    }
    if (length > 0) this.#previous = chunk[length - 1] as number
    this.#carried = length - recordStart
  }

  isRestBlank(): boolean {
    if (this.#hasDelimiter) return false
    if (!this.#isQuoted) return this.#carried === 0
    // Papaparse takes the text behind the opening quote when nothing closes it.
    return !this.#hasQuotedContent && (this.#state === 'quoted' || this.#previous === QUOTE)
  }

  /** To the byte behind the next quote or to the end. */
  #skipQuoted(chunk: Uint8Array, start: number): number {
    const at = chunk.indexOf(QUOTE, start)
    const end = at === -1 ? chunk.byteLength : at
    if (end > start) this.#hasQuotedContent = true
    if (at === -1) return end
    this.#state = 'after-quote'
    this.#space.reset()
    return at + 1
  }

  /** To the next byte that may end the field. */
  #skipPlain(chunk: Uint8Array, start: number): number {
    this.#state = 'plain'
    const length = chunk.byteLength
    const delimiter = this.#delimiter
    const lineEnd = this.#lineEnd
    let i = start + 1
    while (i < length) {
      const byte = chunk[i] as number
      if (byte === delimiter || byte === lineEnd) return i
      i++
    }
    return i
  }

  /** Neither delimiter nor line end: white space so far, a doubled quote, or text that the quote belongs to. */
  #continueAfterQuote(byte: number): void {
    if (byte === QUOTE && this.#space.isEmpty) {
      this.#state = 'quoted'
      this.#hasQuotedContent = true
    } else if (byte === QUOTE) {
      this.#hasQuotedContent = true
      this.#space.reset()
    } else if (!this.#space.accepts(byte)) {
      this.#state = 'quoted'
      this.#hasQuotedContent = true
    }
  }

  #previousOf(chunk: Uint8Array, i: number): number {
    return i > 0 ? (chunk[i - 1] as number) : this.#previous
  }

  #isBlankLine(recordBytes: number): boolean {
    if (this.#hasDelimiter) return false
    return this.#isQuoted ? !this.#hasQuotedContent : recordBytes === (this.#isPair ? 2 : 1)
  }

  #startRecord(): void {
    this.#state = 'field-start'
    this.#hasDelimiter = false
    this.#isQuoted = false
    this.#hasQuotedContent = false
  }
}
