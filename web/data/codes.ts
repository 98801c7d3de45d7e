const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/**
 * Text as numbers, so that one scanner reads bytes (while a file is cut) and characters (while a shard is parsed): all
 * that it looks for is ASCII, which is the same in both.
 */
export interface Codes {
  readonly length: number
  /** Anything that is no code beyond the end. */
  at(index: number): number | undefined
  /** -1 when there is none. */
  indexOf(code: number, from: number): number
  /** The first delimiter or line end from there on; `to`, by default the length, when there is none before it. */
  fieldEnd(delimiter: number, from: number, to?: number): number
}

export class ByteCodes implements Codes {
  readonly #bytes: Uint8Array
  readonly length: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = bytes.byteLength
  }

  at(index: number): number | undefined {
    return this.#bytes[index]
  }

  indexOf(code: number, from: number): number {
    return this.#bytes.indexOf(code, from)
  }

  fieldEnd(delimiter: number, from: number, to = this.length): number {
    const bytes = this.#bytes
    let at = from
    while (at < to) {
      const code = bytes[at] as number
      if (code === delimiter || code === LINE_FEED || code === CARRIAGE_RETURN) return at
      at++
    }
    return to
  }
}

export class TextCodes implements Codes {
  readonly #text: string
  readonly length: number

  constructor(text: string) {
    this.#text = text
    this.length = text.length
  }

  at(index: number): number {
    return this.#text.charCodeAt(index)
  }

  indexOf(code: number, from: number): number {
    return this.#text.indexOf(String.fromCharCode(code), from)
  }

  fieldEnd(delimiter: number, from: number, to = this.length): number {
    const text = this.#text
    let at = from
    while (at < to) {
      const code = text.charCodeAt(at)
      if (code === delimiter || code === LINE_FEED || code === CARRIAGE_RETURN) return at
      at++
    }
    return to
  }
}

export function isLineEnd(code: number | undefined): boolean {
  return code === LINE_FEED || code === CARRIAGE_RETURN
}

/** Behind the line end that begins there: LF, CR LF or CR. -1 when more of the text must be known. */
export function behindLineEnd(codes: Codes, at: number, isLast: boolean): number {
  if (codes.at(at) === LINE_FEED) return at + 1
  if (at + 1 < codes.length) return codes.at(at + 1) === LINE_FEED ? at + 2 : at + 1
  return isLast ? at + 1 : -1
}

/** Line ends between two places; the second is no part of one. */
export function countLineEnds(codes: Codes, from: number, to: number): number {
  let count = 0
  for (let at = codes.fieldEnd(LINE_FEED, from, to); at < to; at = codes.fieldEnd(LINE_FEED, at, to)) {
    count++
    at = behindLineEnd(codes, at, true)
  }
  return count
}
