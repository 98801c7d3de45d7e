import { concatBytes, toUtf8 } from '../base/index.ts'
import { ByteCodes, countLineEnds } from './codes.ts'
import { DataError } from './errors.ts'

/** As the Encoding Standard names it: `utf-8`, `utf-16le`, `windows-1252` and so on. */
export type Encoding = string

/** Bytes that a guess without a byte order mark looks at. */
const GUESS_BYTES = 4_096

/** Its name, by any label that a TextDecoder takes (`latin1`, `cp1252`); undefined for anything else. */
export function encodingOf(label: unknown): Encoding | undefined {
  if (typeof label !== 'string') return undefined
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

/**
 * By the byte order mark, which no text in another encoding begins with; else what is said; else by where the zero bytes are:
 * half of UTF-16 text in a Latin script is zeros.
 */
export function detectEncoding(head: Uint8Array, said?: string): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  if (BYTE_ORDER_MARK.every((byte, i) => byte === head[i])) return 'utf-8'
  return encodingOf(said) ?? guessEncoding(head)
}

function guessEncoding(head: Uint8Array): Encoding {
  const zeros = [0, 0]
  const length = Math.min(head.byteLength & ~1, GUESS_BYTES)
  for (let i = 0; i < length; i++) if (head[i] === 0) zeros[i & 1] = (zeros[i & 1] as number) + 1
  const [even = 0, odd = 0] = zeros
  if (odd > length * 0.2 && even < odd / 4) return 'utf-16le'
  return even > length * 0.2 && odd < even / 4 ? 'utf-16be' : 'utf-8'
}

/** Turns a stream of text bytes into valid UTF-8 without a byte order mark, or says where it is no text. */
export interface TextStream {
  /** Throws a DataError `not-text`. What it returns may share memory with the chunk. */
  push(chunk: Uint8Array): Uint8Array
  /** Throws when the stream ends inside a character. */
  finish(): void
  /**
   * Who goes through the text anyway decodes it once for both: from here on only zero bytes are looked for, and who decodes
   * says by {@link notUtf8Lines} where it fails. Of what is decoded here nothing changes.
   */
  leaveCheck(): void
  /** In front of the text: a byte order mark. */
  readonly markBytes: number
}

/** `linesBefore`: line ends in all that was pushed before, if they are counted; only asked for when something is wrong. */
export function createTextStream(
  encoding: Encoding,
  linesBefore: () => number | undefined = () => undefined,
): TextStream {
  return encoding === 'utf-8' ? new Utf8Stream(linesBefore) : new DecodedStream(encoding)
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]
const OTHER_ENCODING =
  'If it is text, say its encoding: windows-1252 for most files of Excel in the West. Or save it as UTF-8'

class Utf8Stream implements TextStream {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  /** The first bytes, until they can be told from a byte order mark; undefined from then on. */
  #start: Uint8Array | undefined = new Uint8Array(0)
  markBytes = 0
  #position = 0
  #isLeft = false
  readonly #linesBefore: () => number | undefined

  constructor(linesBefore: () => number | undefined) {
    this.#linesBefore = linesBefore
  }

  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#start ? this.#withoutMark(concatBytes([this.#start, chunk])) : chunk
    const zero = bytes.indexOf(0)
    if (zero >= 0) throw notText(`byte ${this.#position + zero + 1} is zero, so this is a binary file`)
    if (!this.#isLeft) this.#decode(bytes)
    this.#position += bytes.byteLength
    return bytes
  }

  leaveCheck(): void {
    this.#isLeft = true
  }

  finish(): void {
    const rest = this.#start
    this.#start = undefined
    if (this.#isLeft) return
    try {
      this.#decoder.decode(rest)
    } catch {
      throw endsInside()
    }
  }

  #decode(bytes: Uint8Array): void {
    try {
      this.#decoder.decode(bytes, { stream: true })
    } catch {
      throw notUtf8(bytes, this.#position, this.#linesBefore())
    }
  }

  #withoutMark(bytes: Uint8Array): Uint8Array {
    const isMarkSoFar = bytes.subarray(0, 3).every((byte, i) => byte === BYTE_ORDER_MARK[i])
    if (isMarkSoFar && bytes.byteLength < 3) {
      this.#start = bytes
      return new Uint8Array(0)
    }
    this.#start = undefined
    if (!isMarkSoFar) return bytes
    this.markBytes = BYTE_ORDER_MARK.length
    this.#position = this.markBytes
    return bytes.subarray(3)
  }
}

/** Why whole lines do not decode. `position`: bytes in front of them, `linesBefore`: line ends there, where they are the file's. */
export function notUtf8Lines(
  bytes: Uint8Array,
  position: number,
  linesBefore: number | undefined,
): DataError {
  return isValidStart(bytes, false) ? endsInside() : notUtf8(bytes, position, linesBefore)
}

/** As above, of a piece whose first character a former one may have begun. */
function notUtf8(bytes: Uint8Array, position: number, linesBefore: number | undefined): DataError {
  const valid = validBytes(bytes, position)
  const inner = countLineEnds(new ByteCodes(bytes), 0, valid)
  const place = `byte ${position + valid + 1}`
  const where = linesBefore === undefined ? place : `line ${linesBefore + inner + 1} (${place})`
  return new DataError('not-text', `${where} is not valid UTF-8. ${OTHER_ENCODING}`)
}

class DecodedStream implements TextStream {
  readonly markBytes = 0
  readonly #encoding: Encoding
  readonly #decoder: TextDecoder

  constructor(encoding: Encoding) {
    this.#encoding = encoding
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#encode(chunk, true)
  }

  finish(): void {
    this.#encode(new Uint8Array(0), false)
  }

  leaveCheck(): void {}

  #encode(chunk: Uint8Array, stream: boolean): Uint8Array {
    let text: string
    try {
      text = this.#decoder.decode(chunk, { stream })
    } catch {
      const message = `some of its characters are not valid ${this.#encoding}. ${OTHER_ENCODING}`
      throw new DataError('not-text', message)
    }
    if (text.includes('\0')) throw notText('it has characters of the value zero, so this is a binary file')
    return toUtf8(text)
  }
}

/** How many there are in front of the first that does not decode: halves them until it is found. */
function validBytes(bytes: Uint8Array, position: number): number {
  const isContinued = position > BYTE_ORDER_MARK.length
  let valid = 0
  let invalid = bytes.byteLength
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1
    if (isValidStart(bytes.subarray(0, middle), isContinued)) valid = middle
    else invalid = middle
  }
  return valid
}

function isValidStart(bytes: Uint8Array, isContinued: boolean): boolean {
  try {
    // A character that a former chunk began makes the first bytes look invalid alone.
    let start = 0
    while (isContinued && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start), { stream: true })
    return true
  } catch {
    return false
  }
}

function endsInside(): DataError {
  return notText('it ends inside a character')
}

function notText(where: string): DataError {
  return new DataError('not-text', `this is not a text file: ${where}. Save it as UTF-8 text, CSV or NDJSON`)
}
