import { MAX_OUTPUT_BYTES } from '../limits.ts'
import { type GuestMessage, parseFault, parseResult } from './protocol.ts'

/** Fault texts and counters, escaped, are below it; so is what the page parses of a Worker that makes up its own. */
const MAX_HEAD_BYTES = 128 * 1024
const LENGTH_BYTES = 4
const MAX_BUCKETS = 256
const MAX_LEAKS = 32
/** More than a head takes of its place: what is not the output of a task. */
export const ANSWER_MARGIN_BYTES = 256 * 1024
/** A larger answer comes in pieces of this many bytes. */
export const PIECE_BYTES = 4 * 1024 * 1024

// Job code may replace it; this script has run before.
const stringify = JSON.stringify

/** What the guest says, as one block of bytes: a length, that much JSON, then the buckets. */
export function encodeAnswer(message: GuestMessage): Uint8Array<ArrayBuffer> {
  const buckets = message.verb === 'done' ? message.result.buckets : []
  const sizes = buckets.map((bucket) => bucket.byteLength)
  const head = new TextEncoder().encode(
    stringify(message.verb === 'done' ? { ...message, result: { ...message.result, sizes } } : message),
  )
  const whole = new Uint8Array(LENGTH_BYTES + head.byteLength + sizes.reduce((sum, size) => sum + size, 0))
  new DataView(whole.buffer).setUint32(0, head.byteLength)
  whole.set(head, LENGTH_BYTES)
  let at = LENGTH_BYTES + head.byteLength
  for (const bucket of buckets) {
    whole.set(new Uint8Array(bucket), at)
    at += bucket.byteLength
  }
  return whole
}

/**
 * Puts together what comes by a port: an answer of at most {@link PIECE_BYTES} as it is, a larger one as its length and its
 * pieces, so that the page is never held up by one large message.
 */
export class AnswerReader {
  #whole: Uint8Array<ArrayBuffer> | undefined
  #at = 0

  /** Undefined when more is to come. */
  take(data: unknown): GuestMessage | 'malformed' | undefined {
    if (typeof data === 'number') return this.#begin(data)
    if (!(data instanceof ArrayBuffer) || data.byteLength > PIECE_BYTES) return 'malformed'
    const whole = this.#whole
    if (whole === undefined) return decodeAnswer(data) ?? 'malformed'
    if (data.byteLength === 0 || this.#at + data.byteLength > whole.byteLength) return 'malformed'
    whole.set(new Uint8Array(data), this.#at)
    this.#at += data.byteLength
    if (this.#at < whole.byteLength) return undefined
    this.#whole = undefined
    return decodeAnswer(whole.buffer) ?? 'malformed'
  }

  #begin(length: number): 'malformed' | undefined {
    const isPossible = Number.isSafeInteger(length) && length > PIECE_BYTES
    if (!isPossible || length > MAX_OUTPUT_BYTES + ANSWER_MARGIN_BYTES || this.#whole) return 'malformed'
    this.#whole = new Uint8Array(length)
    this.#at = 0
    return undefined
  }
}

/** Undefined for anything else; costs the page no more than the head's bound and one copy of the buckets. */
function decodeAnswer(data: ArrayBuffer): GuestMessage | undefined {
  if (data.byteLength < LENGTH_BYTES) return undefined
  const headBytes = new DataView(data).getUint32(0)
  const start = LENGTH_BYTES + headBytes
  if (headBytes > MAX_HEAD_BYTES || start > data.byteLength) return undefined
  const head = parseJson(new Uint8Array(data, LENGTH_BYTES, headBytes))
  const message = parseHead(head, (sizes) => cut(data, start, sizes))
  // Only a result has bytes behind its head.
  return message?.verb === 'done' || start === data.byteLength ? message : undefined
}

function parseHead(
  head: unknown,
  bucketsOf: (sizes: unknown) => readonly ArrayBuffer[] | undefined,
): GuestMessage | undefined {
  if (!isObject(head)) return undefined
  const { verb, id, line } = head
  if (verb === 'tested') return parseTested(head)
  if (verb === 'spent') return { verb }
  if (verb === 'done' && typeof id === 'number' && isObject(head['result'])) {
    const buckets = bucketsOf(head['result']['sizes'])
    const result = buckets && parseResult({ ...head['result'], buckets })
    return result && { verb, id, result }
  }
  const fault = parseFault(head['fault'])
  if (fault === undefined) return undefined
  if (verb === 'broken' && typeof line === 'number') return { verb, line, fault }
  return verb === 'failed' && typeof id === 'number' ? { verb, id, fault } : undefined
}

function cut(data: ArrayBuffer, start: number, sizes: unknown): ArrayBuffer[] | undefined {
  if (!Array.isArray(sizes) || sizes.length > MAX_BUCKETS) return undefined
  const buckets: ArrayBuffer[] = []
  let at = start
  for (const size of sizes) {
    if (!Number.isSafeInteger(size) || size < 0 || at + size > data.byteLength) return undefined
    buckets.push(data.slice(at, at + size))
    at += size
  }
  return at === data.byteLength ? buckets : undefined
}

function parseTested({ leaks }: Record<string, unknown>): GuestMessage | undefined {
  if (!Array.isArray(leaks) || leaks.length > MAX_LEAKS) return undefined
  return { verb: 'tested', leaks: leaks.map((leak) => String(leak).slice(0, 100)) }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    // Whoever wrote it is no guest of ours: the caller ends the Worker.
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
