import { ByteCodes, behindLineEnd } from './codes.ts'
import type { Oddities } from './oddities.ts'
import type { RecordScanner } from './record-scanner.ts'

const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const SPACE = 32
const TAB = 9

/** One record a line, which ends with LF, CR LF or CR: for NDJSON (lines of JSON's white space are blank) and text (no line is). */
export class LineScanner implements RecordScanner {
  readonly #blank: Oddities | undefined
  #bytes: Uint8Array | undefined
  #codes = new ByteCodes(new Uint8Array(0))
  /** The next of each kind, -1 when there is none. */
  #lineFeed = -1
  #return = -1
  #line = 0
  isRecord = true

  /** `blank`: blank lines are no records and are noted there. */
  constructor(blank?: Oddities) {
    this.#blank = blank
  }

  get lines(): number {
    return this.#line
  }

  next(bytes: Uint8Array, start: number, isLast: boolean): number {
    if (bytes !== this.#bytes) this.#open(bytes)
    const at = this.#lineEnd(bytes, start)
    if (at === -1 && !isLast) return -1
    const end = at === -1 ? bytes.byteLength : behindLineEnd(this.#codes, at, isLast)
    if (end === -1) return -1
    this.#line++
    this.isRecord = !this.#blank || hasContent(bytes, start, end)
    if (!this.isRecord) this.#blank?.note('blank-line', this.#line)
    return end
  }

  #open(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#codes = new ByteCodes(bytes)
    this.#lineFeed = bytes.indexOf(LINE_FEED)
    this.#return = bytes.indexOf(CARRIAGE_RETURN)
  }

  #lineEnd(bytes: Uint8Array, start: number): number {
    if (this.#lineFeed !== -1 && this.#lineFeed < start) this.#lineFeed = bytes.indexOf(LINE_FEED, start)
    if (this.#return !== -1 && this.#return < start) this.#return = bytes.indexOf(CARRIAGE_RETURN, start)
    if (this.#return === -1) return this.#lineFeed
    return this.#lineFeed === -1 ? this.#return : Math.min(this.#lineFeed, this.#return)
  }
}

function hasContent(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte !== SPACE && byte !== TAB && byte !== LINE_FEED && byte !== CARRIAGE_RETURN) return true
  }
  return false
}
