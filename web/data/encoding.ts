import { concatBytes, toUtf8 } from '../base/index.ts'
import { DataError } from './errors.ts'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/** Bytes that a guess without a byte order mark looks at. */
const GUESS_BYTES = 4_096

/** By the byte order mark, else by where the zero bytes are: half of UTF-16 text in a Latin script is zeros. */
export function detectEncoding(head: Uint8Array): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
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
}

export function createTextStream(encoding: Encoding): TextStream {
  return encoding === 'utf-8' ? new Utf8Stream() : new Utf16Stream(encoding)
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

class Utf8Stream implements TextStream {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  /** The first bytes, until they can be told from a byte order mark; undefined from then on. */
  #start: Uint8Array | undefined = new Uint8Array(0)
  #position = 0

  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.#start ? this.#withoutMark(concatBytes([this.#start, chunk])) : chunk
    const zero = bytes.indexOf(0)
    if (zero >= 0) throw notText(`byte ${this.#position + zero + 1} is zero, so this is a binary file`)
    try {
      this.#decoder.decode(bytes, { stream: true })
    } catch {
      throw notText(`${placeOf(bytes, this.#position)} is not valid UTF-8`)
    }
    this.#position += bytes.byteLength
    return bytes
  }

  finish(): void {
    const rest = this.#start
    this.#start = undefined
    try {
      this.#decoder.decode(rest)
    } catch {
      throw notText('it ends inside a character')
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
    this.#position = 3
    return bytes.subarray(3)
  }
}

class Utf16Stream implements TextStream {
  readonly #decoder: TextDecoder

  constructor(encoding: Encoding) {
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#encode(chunk, true)
  }

  finish(): void {
    this.#encode(new Uint8Array(0), false)
  }

  #encode(chunk: Uint8Array, stream: boolean): Uint8Array {
    let text: string
    try {
      text = this.#decoder.decode(chunk, { stream })
    } catch {
      throw notText('it looks like UTF-16, but some of its characters are not valid')
    }
    if (text.includes('\0')) throw notText('it has characters of the value zero, so this is a binary file')
    return toUtf8(text)
  }
}

/** Halves the bytes until the first that does not decode is found. */
function placeOf(bytes: Uint8Array, position: number): string {
  const isContinued = position > BYTE_ORDER_MARK.length
  let valid = 0
  let invalid = bytes.byteLength
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1
    if (isValidStart(bytes.subarray(0, middle), isContinued)) valid = middle
    else invalid = middle
  }
  return `byte ${position + invalid}`
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

function notText(where: string): DataError {
  return new DataError('not-text', `this is not a text file: ${where}. Save it as UTF-8 text, CSV or NDJSON`)
}
