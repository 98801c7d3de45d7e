import { entriesOf, isCount, type MessageId, OptionError, type PeerId } from '../base/index.ts'
import { decodeValue, encodeValue, type Value, WireError } from '../wire/index.ts'
import { MessagingError } from './errors.ts'
import { isOrigin, ORIGINS } from './origin.ts'
import { isTopicName } from './pattern.ts'
import type { Message } from './topic.ts'

/** Encoded bytes of a message's body. */
export const MAX_BODY_BYTES = 256 * 1024
const MAX_HEADERS = 32
const MAX_HEADER_NAME = 64
const MAX_HEADER_TEXT = 1024

export type Headers = Message['headers']

/** One message on its way: `number` counts within its sender's stream. Whose it is, the link says. */
export interface Item {
  readonly number: number
  readonly topic: string
  readonly sentAt: number
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Headers
  /** Of topics with history: where it stands among the others, when that is not `sentAt`. */
  readonly place?: number
}

export const NO_HEADERS: Headers = Object.freeze({})

/** Short on the wire: an array, its last two only when there are headers, or a place beside the time. */
export function itemToWire(item: Item): Value {
  const parts: Value[] = [item.number, item.topic, item.sentAt, item.body]
  if (item.headers !== NO_HEADERS || item.place !== undefined) parts.push(item.headers)
  if (item.place !== undefined) parts.push(item.place)
  return parts
}

/** Undefined for anything that {@link itemToWire} does not make. The body's bytes are a view on the frame's. */
export function itemFromWire(value: unknown): Item | undefined {
  if (!Array.isArray(value)) return undefined
  const [number, topic, sentAt, body, headers, place] = value as readonly unknown[]
  if (!isCount(number, 1) || !isTopicName(topic)) return undefined
  if (typeof sentAt !== 'number' || !isBody(body)) return undefined
  const checked = headers === undefined ? NO_HEADERS : readHeaders(headers)
  if (!checked || (place !== undefined && !isCount(place))) return undefined
  const item: Item = { number, topic, sentAt, body, headers: checked }
  return place === undefined ? item : { ...item, place }
}

/** Bytes of a body, whatever they hold. */
export function isBody(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.byteLength <= MAX_BODY_BYTES
}

/** Throws a MessagingError `bad-body` or `too-large`. */
export function encodeBody(body: unknown): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = encodeValue(body as Value)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    if (error.code === 'too-large') throw tooLarge(error)
    throw new MessagingError('bad-body', `This cannot be sent: ${error.message}`, { cause: error })
  }
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge()
  return bytes
}

/** Undefined where the sender's bytes are no value. */
export function decodeBody(bytes: Uint8Array): { readonly body: Value } | undefined {
  try {
    return { body: decodeValue(bytes) }
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

/** Throws an OptionError that names the header. */
export function checkHeaders(headers: Headers | undefined): Headers {
  if (headers === undefined) return NO_HEADERS
  const pairs = entriesOf(headers, MAX_HEADERS + ORIGINS)
  if (pairs?.length === 0) return NO_HEADERS
  const checked = pairs && headersOf(pairs)
  if (checked) return checked
  for (const [name, value] of pairs ?? []) {
    if (isHeaderName(name) && isHeaderValue(value)) continue
    const rule = `is a text of at most ${MAX_HEADER_TEXT} characters, a finite number or a boolean, its name of 1 to ${MAX_HEADER_NAME}`
    throw new OptionError(`headers[${JSON.stringify(name.slice(0, MAX_HEADER_NAME))}]`, value, rule)
  }
  throw new OptionError('headers', headers, `is an object of at most ${MAX_HEADERS} names and values`)
}

/** What a message weighs in a transfer: some are nearly all headers. */
export function weightOf({
  body,
  headers,
}: {
  readonly body: Uint8Array
  readonly headers: Headers
}): number {
  return body.byteLength + headersWeight(headers)
}

export function headersWeight(headers: Headers): number {
  if (headers === NO_HEADERS) return 0
  let bytes = 0
  for (const [name, value] of Object.entries(headers))
    bytes += name.length + (typeof value === 'string' ? value.length : 8)
  return bytes
}

/** Unique in the room: a stream belongs to one life of a sender, or of its store. */
export function messageId(from: PeerId, stream: string, number: number): MessageId {
  return `${from}/${stream}/${number}` as MessageId
}

/** Undefined for what is no headers or breaks a bound. */
export function readHeaders(value: unknown): Headers | undefined {
  const pairs = entriesOf(value, MAX_HEADERS + ORIGINS)
  return pairs && headersOf(pairs)
}

function headersOf(pairs: readonly (readonly [string, unknown])[]): Headers | undefined {
  if (pairs.filter(([name]) => !isOrigin(name)).length > MAX_HEADERS) return undefined
  for (const [name, held] of pairs) if (!isHeaderName(name) || !isHeaderValue(held)) return undefined
  return Object.freeze(Object.fromEntries(pairs)) as Headers
}

function isHeaderName(name: string): boolean {
  return name.length >= 1 && name.length <= MAX_HEADER_NAME && name.isWellFormed()
}

function isHeaderValue(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= MAX_HEADER_TEXT && value.isWellFormed()
  return isPlain(value)
}

function isPlain(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}

function tooLarge(cause?: unknown): MessagingError {
  const limit = MAX_BODY_BYTES / 1024
  const message = `A message has at most ${limit} KiB. Add larger things as a data set and send its name.`
  return new MessagingError('too-large', message, cause === undefined ? undefined : { cause })
}
