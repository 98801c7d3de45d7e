import { isPeerId, isRecord, isTokenId, type PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { type Headers, isBody, NO_HEADERS, readHeaders } from '../item.ts'

/** Of a group, duplicate id, reply address or correlation id. */
export const MAX_TAG_LENGTH = 255
export const MAX_PRIORITY = 9
/** JMS' and Artemis' default. */
export const DEFAULT_PRIORITY = 4
/** A hundred years: what lasts longer lasts for ever. */
export const MAX_DURATION_MS = 100 * 366 * 86_400_000

/** Optional texts that travel with a message. `address` is the topic that it was published to, where it came by one. */
export interface Tags {
  readonly address?: string
  /** The transaction that it is part of, and the queue that keeps its decision. */
  readonly tx?: string
  readonly txHome?: string
  readonly group?: string
  readonly dedupId?: string
  readonly replyTo?: string
  readonly correlationId?: string
}

/** What a sender hands to a queue's owner. `number` counts within the stream that the sender has for this queue. */
export interface Draft {
  readonly number: number
  readonly priority: number
  /** The sender's wall clock, for showing. */
  readonly sentAt: number
  /** What is left of it when it is handed over; 0 for no end. */
  readonly ttlMs: number
  readonly delayMs: number
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Headers
  readonly tags: Tags
}

/** A message as a queue's members keep it. */
export interface QueueItem {
  readonly from: PeerId
  readonly stream: string
  readonly number: number
  /** Its place among those of its priority, given by the owner that took it in. */
  readonly order: number
  readonly priority: number
  readonly sentAt: number
  /** By the wall clock of the device that keeps it; 0 for never. */
  readonly expiresAt: number
  /** By the wall clock of the device that keeps it; 0 for at once. */
  readonly deliverAt: number
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Headers
  readonly tags: Tags
}

const NO_TAGS: Tags = Object.freeze({})
const TAGS = ['address', 'tx', 'txHome', 'group', 'dedupId', 'replyTo', 'correlationId'] as const

export function draftToWire(draft: Draft): Value {
  const { number, priority, sentAt, ttlMs, delayMs, body } = draft
  return [number, priority, sentAt, ttlMs, delayMs, body, ...rest(draft.headers, draft.tags)]
}

/** Undefined for anything that {@link draftToWire} does not make. */
export function readDraft(value: unknown): Draft | undefined {
  if (!Array.isArray(value) || value.length < 6 || value.length > 8) return undefined
  const [number, priority, sentAt, ttlMs, delayMs, body, headers, tags] = value as readonly unknown[]
  if (!isNumber(number) || !isPriority(priority) || !isTime(sentAt) || !isBody(body)) return undefined
  if (!isDuration(ttlMs) || !isDuration(delayMs)) return undefined
  const texts = readRest(headers, tags)
  return texts && { number, priority, sentAt, ttlMs, delayMs, body, ...texts }
}

export function itemToWire(item: QueueItem): Value {
  const { from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body } = item
  const parts = [from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body]
  return [...parts, ...rest(item.headers, item.tags)]
}

/** Undefined for anything that {@link itemToWire} does not make. The body is a view on the bytes that it came in. */
export function readItem(value: unknown): QueueItem | undefined {
  if (!Array.isArray(value) || value.length < 9 || value.length > 11) return undefined
  const [from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body, headers, tags] =
    value as readonly unknown[]
  if (!isPeerId(from) || !isTokenId(stream) || !isNumber(number) || !isPriority(priority)) return undefined
  if (!isTime(order) || !isTime(sentAt) || !isTime(expiresAt) || !isTime(deliverAt) || !isBody(body))
    return undefined
  const texts = readRest(headers, tags)
  return texts && { from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body, ...texts }
}

export function hasTags(tags: Tags): boolean {
  return TAGS.some((name) => tags[name] !== undefined)
}

/** Only the tags that are there; undefined where one of them is no text of 1 to {@link MAX_TAG_LENGTH} characters. */
export function readTags(value: Readonly<Record<string, unknown>>): Tags | undefined {
  const tags: { -readonly [name in keyof Tags]: string } = {}
  for (const name of TAGS) {
    const text = value[name]
    if (text === undefined) continue
    if (typeof text !== 'string' || text.length < 1 || text.length > MAX_TAG_LENGTH || !text.isWellFormed())
      return undefined
    tags[name] = text
  }
  return tags
}

/** Numbers from 1 on, far below where counting ends. */
export function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 52
}

export function isPriority(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_PRIORITY
}

export function isDuration(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0 && (value as number) <= MAX_DURATION_MS
}

/** Short on the wire: nothing for what is not there. */
function rest(headers: Headers, tags: Tags): Value[] {
  const isTagged = hasTags(tags)
  if (headers === NO_HEADERS && !isTagged) return []
  return isTagged ? [headers, { ...tags }] : [headers]
}

function readRest(headers: unknown, tags: unknown): { headers: Headers; tags: Tags } | undefined {
  const checkedHeaders = headers === undefined ? NO_HEADERS : readHeaders(headers)
  if (!checkedHeaders) return undefined
  if (tags === undefined) return { headers: checkedHeaders, tags: NO_TAGS }
  if (!isRecord(tags)) return undefined
  const checkedTags = readTags(tags)
  return checkedTags && { headers: checkedHeaders, tags: checkedTags }
}

/** By a wall clock, or a place in an order. */
export function isTime(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}
