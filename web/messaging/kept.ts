import type { PeerId } from '../base/index.ts'
import type { StoreKey, StoreWrite } from '../storage/index.ts'
import { type Headers, type Item, itemFromWire, weightOf } from './item.ts'

/** Kept messages by [topic, at, from, stream, number]: a topic's in the order in which they are shown. */
export const TABLE_MESSAGES = 'msg.messages'
/** Numbers of own messages that nobody else has yet. */
export const TABLE_OUTBOX = 'msg.outbox'
/** For each sender: how far its stream is kept here. */
export const TABLE_MARKS = 'msg.marks'
/** Own stream: its name and the next number. */
export const TABLE_STREAM = 'msg.stream'
export const HISTORY_TABLES: readonly string[] = [TABLE_MESSAGES, TABLE_OUTBOX, TABLE_MARKS, TABLE_STREAM]

/** A message of a topic with history as it lies on disk. Its body's bytes are its own. */
export interface Kept extends Item {
  readonly from: PeerId
  readonly stream: string
  /** Where it stands among the others: what it says, corrected where that is absurd or behind its sender's last. */
  readonly at: number
  readonly name: string
}

export function keptKey(kept: Kept): StoreKey {
  return [kept.topic, kept.at, kept.from, kept.stream, kept.number]
}

export function keptWrite(kept: Kept): StoreWrite {
  const { sentAt, body, headers, name } = kept
  return { table: TABLE_MESSAGES, key: keptKey(kept), value: { sentAt, body, headers, name } }
}

/** Undefined for a row that another version wrote. */
export function keptFromStore(key: StoreKey, value: unknown): Kept | undefined {
  if (!Array.isArray(key) || key.length !== 5 || typeof value !== 'object' || value === null) return undefined
  const [topic, at, from, stream, number] = key as readonly unknown[]
  const { sentAt, body, headers, name } = value as {
    sentAt?: unknown
    body?: unknown
    headers?: unknown
    name?: unknown
  }
  const item = itemFromWire([number, topic, sentAt, body, headers])
  if (!item || typeof at !== 'number' || typeof from !== 'string' || typeof stream !== 'string')
    return undefined
  const place = at === item.sentAt ? {} : { place: at }
  return { ...item, ...place, from: from as PeerId, stream, at, name: typeof name === 'string' ? name : '' }
}

/** Oldest first; the messages of one sender in its own order. */
export function compareKept(a: Kept, b: Kept): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.from !== b.from) return a.from < b.from ? -1 : 1
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1
  return a.number - b.number
}

export function keptBytes(kept: { readonly body: Uint8Array; readonly headers: Headers }): number {
  return weightOf(kept) + 256
}
