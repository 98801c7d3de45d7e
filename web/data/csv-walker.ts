import { behindLineEnd, type Codes, countLineEnds, isLineEnd } from './codes.ts'
import type { CsvFormat } from './dataset.ts'
import { MAX_SHARD_BYTES } from './limits.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const TAB = 9
const NONE = -1
/** More of the text must be known. */
const UNKNOWN = -1

/** `isQuoted`: between the quotes, where two quotes are one. Otherwise as it is written. */
export type TakeField = (from: number, to: number, isQuoted: boolean) => void

/**
 * One record of CSV at a time: the one automaton of the cutter, which looks at bytes as they come, and of the parser, which
 * looks at the characters of a shard.
 *
 * A field is quoted when its first character is the quote; two quotes within are one; spaces and tabs may follow the closing
 * quote; one with spaces in front of it is text, and counted as a stray quote. LF, CR LF and CR each end a record outside quotes. What breaks these rules swallows no record: a field whose closing
 * quote is followed by text is taken as it is written, and a quote that opens a field which is not closed so, or not before
 * the file ends or the record is too large, is text when the closing quote would be on another line.
 */
export class CsvWalker {
  readonly #delimiter: number
  readonly #quote: number
  readonly #comment: number
  /** Of the record that was walked last. */
  fields = 0
  strayQuotes = 0
  /** Line ends within its quoted fields. */
  innerLines = 0

  constructor({ delimiter, quote = '"', comment = '' }: Pick<CsvFormat, 'delimiter' | 'quote' | 'comment'>) {
    this.#delimiter = delimiter.charCodeAt(0)
    this.#quote = quote === '' ? NONE : quote.charCodeAt(0)
    this.#comment = comment === '' ? NONE : comment.charCodeAt(0)
  }

  isComment(codes: Codes, start: number): boolean {
    return codes.at(start) === this.#comment
  }

  /**
   * Behind the record that begins at `start`, or -1 when it depends on what follows the text that is known. `isLast`: nothing
   * follows. A comment is a record of one field.
   */
  walk(codes: Codes, start: number, isLast: boolean, take?: TakeField): number {
    this.fields = 0
    this.strayQuotes = 0
    this.innerLines = 0
    if (this.isComment(codes, start)) return this.#walkLine(codes, start, isLast)
    let at = start
    for (;;) {
      const end = this.#field(codes, start, at, isLast, take)
      if (end === UNKNOWN) return UNKNOWN
      this.fields++
      if (end >= codes.length) return isLast ? end : UNKNOWN
      if (codes.at(end) !== this.#delimiter) return behindLineEnd(codes, end, isLast)
      at = end + 1
    }
  }

  /**
   * As {@link walk}, for a record that has no quote up to `to`: the place of its line end, or -1 when that is not before `to`.
   * One loop for all fields, since most files have hardly a quote.
   */
  walkPlain(bytes: Uint8Array, start: number, to: number): number {
    const delimiter = this.#delimiter
    const highest = Math.max(delimiter, CARRIAGE_RETURN)
    let fields = 1
    let at = start
    for (; at < to; at++) {
      const code = bytes[at] as number
      if (code > highest) continue
      if (code === delimiter) fields++
      else if (code === LINE_FEED || code === CARRIAGE_RETURN) break
    }
    if (at >= to) return UNKNOWN
    this.fields = fields
    this.strayQuotes = 0
    this.innerLines = 0
    return at
  }

  #walkLine(codes: Codes, start: number, isLast: boolean): number {
    this.fields = 1
    const end = codes.fieldEnd(NONE, start)
    if (end >= codes.length) return isLast ? end : UNKNOWN
    return behindLineEnd(codes, end, isLast)
  }

  /** The place behind the field, where a delimiter, a line end or nothing is. */
  #field(codes: Codes, start: number, at: number, isLast: boolean, take: TakeField | undefined): number {
    const code = codes.at(at)
    if (code === this.#quote) return this.#quotedField(codes, start, at, isLast, take)
    if ((code === SPACE || code === TAB) && codes.at(this.#behindSpace(codes, at)) === this.#quote)
      this.strayQuotes++
    const end = codes.fieldEnd(this.#delimiter, at)
    take?.(at, end, false)
    return end
  }

  #quotedField(
    codes: Codes,
    start: number,
    at: number,
    isLast: boolean,
    take: TakeField | undefined,
  ): number {
    const close = this.#closingQuote(codes, start, at, isLast)
    if (close === UNKNOWN) return UNKNOWN
    // Nothing closes it: it is text up to the next delimiter or line end.
    if (close === codes.length) return this.#strayField(codes, at, at + 1, take)
    const behind = this.#behindSpace(codes, close + 1)
    if (behind === codes.length && !isLast) return UNKNOWN
    const code = codes.at(behind)
    const innerLines = countLineEnds(codes, at + 1, close)
    if (behind !== codes.length && code !== this.#delimiter && !isLineEnd(code))
      return this.#strayField(codes, at, innerLines > 0 ? at + 1 : close + 1, take)
    this.innerLines += innerLines
    take?.(at + 1, close, true)
    return behind
  }

  #strayField(codes: Codes, at: number, from: number, take: TakeField | undefined): number {
    this.strayQuotes++
    const end = codes.fieldEnd(this.#delimiter, from)
    take?.(at, end, false)
    return end
  }

  /** The length when there is none that the record has room for. */
  #closingQuote(codes: Codes, start: number, open: number, isLast: boolean): number {
    const limit = start + MAX_SHARD_BYTES
    let at = open
    for (;;) {
      at = codes.indexOf(this.#quote, at + 1)
      if (at === -1) return isLast || codes.length > limit ? codes.length : UNKNOWN
      if (at >= limit) return codes.length
      if (at + 1 >= codes.length) return isLast ? at : UNKNOWN
      if (codes.at(at + 1) !== this.#quote) return at
      at++
    }
  }

  #behindSpace(codes: Codes, from: number): number {
    let at = from
    for (;;) {
      const code = codes.at(at)
      if ((code !== SPACE && code !== TAB) || code === this.#delimiter) return Math.min(at, codes.length)
      at++
    }
  }
}
