import { DataError } from './errors.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const TAB = 9
const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const OPEN_ARRAY = 91
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/**
 * Turns a JSON array, or values that follow one another on any number of lines, into one value a line, piece by piece:
 * white space between tokens becomes one space, nothing else changes. What is no JSON is left for whoever parses the lines,
 * but for what is between elements. Throws DataErrors `bad-record`.
 */
export class JsonValues {
  #place: 'start' | 'values' | 'array' | 'ended' = 'start'
  #depth = 0
  #isInString = false
  #isEscaped = false
  #isInValue = false
  #isAfterComma = false
  #hasSpace = false
  /** A value has ended; its line end is written before the next. */
  #owesLine = false
  #values = 0
  #output = new Uint8Array(0)
  #length = 0

  push(bytes: Uint8Array): Uint8Array {
    this.#output = new Uint8Array(bytes.byteLength * 2 + 2)
    this.#length = 0
    for (let at = 0; at < bytes.byteLength; at++) {
      const byte = bytes[at] as number
      if (this.#isInString) this.#continueString(byte)
      else this.#outside(byte)
    }
    return this.#output.subarray(0, this.#length)
  }

  get isEmptyArray(): boolean {
    return this.#place === 'ended' && this.#values === 0
  }

  finish(): void {
    if (this.#place === 'array')
      throw new DataError('bad-record', `the file ends within its JSON array, behind record ${this.#values}`)
  }

  #continueString(byte: number): void {
    this.#put(byte)
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = true
    else if (byte === QUOTE) {
      this.#isInString = false
      if (this.#depth === 0 && this.#place === 'values') this.#endValue()
    }
  }

  #outside(byte: number): void {
    if (byte === SPACE || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN) {
      if (this.#isInValue && this.#depth === 0 && this.#place === 'values') this.#endValue()
      this.#hasSpace = this.#isInValue
      return
    }
    if (this.#place === 'start') {
      this.#place = byte === OPEN_ARRAY ? 'array' : 'values'
      if (byte === OPEN_ARRAY) return
    }
    if (this.#place === 'ended') throw new DataError('bad-record', 'text follows the end of the JSON array')
    if (this.#place === 'array' && this.#depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY))
      this.#endElement(byte)
    else this.#begin(byte)
  }

  #begin(byte: number): void {
    const opens = byte === QUOTE || byte === OPEN_ARRAY || byte === OPEN_OBJECT
    if (opens && this.#isInValue && this.#depth === 0 && this.#place === 'values') this.#endValue()
    if (this.#owesLine) this.#put(LINE_FEED)
    if (this.#hasSpace) this.#put(SPACE)
    this.#owesLine = false
    this.#hasSpace = false
    this.#isInValue = true
    this.#isAfterComma = false
    this.#put(byte)
    if (byte === QUOTE) this.#isInString = true
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#depth++
    else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && this.#depth > 0) {
      this.#depth--
      if (this.#depth === 0 && this.#place === 'values') this.#endValue()
    }
  }

  #endElement(byte: number): void {
    const isEmpty = byte === CLOSE_ARRAY && this.#values === 0 && !this.#isAfterComma
    if (!this.#isInValue && !isEmpty)
      throw new DataError('bad-record', `record ${this.#values + 1} of the JSON array is missing`)
    if (this.#isInValue) this.#endValue()
    this.#isAfterComma = byte === COMMA
    if (byte === CLOSE_ARRAY) this.#place = 'ended'
  }

  #endValue(): void {
    this.#isInValue = false
    this.#hasSpace = false
    this.#owesLine = true
    this.#values++
  }

  #put(byte: number): void {
    this.#output[this.#length++] = byte
  }
}
