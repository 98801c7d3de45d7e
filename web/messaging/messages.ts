import { isCount, isRecord, isTokenId } from '../base/index.ts'
import { batchFromWire } from './batch.ts'
import type { Item } from './item.ts'
import { isPattern } from './pattern.ts'

/** Notify, to members with a matching interest: messages of topics without history, in order. */
export const CHANNEL_BATCH = 'msg.batch'
/** Request, to the same: a batch too large for the control lane; answered when it has been taken. */
export const METHOD_BATCH = 'msg.batch'
/** Request, to every member: the patterns that this node subscribes to; answered with the other's. Replaces what was said before. */
export const METHOD_INTEREST = 'msg.interest'
/** Request, to every member, before anything is stored there: how far have you kept my stream? */
export const METHOD_MARK = 'msg.mark'
/** Request, to every member: messages of topics with history. Answered when they are on disk. */
export const METHOD_STORE = 'msg.store'

/** Distinct patterns that a node announces; with more it announces `#`. */
export const MAX_PATTERNS = 256

export interface InterestNotice {
  /** The session that speaks: its versions rise. */
  readonly session: string
  readonly version: number
  readonly patterns: readonly string[]
  /** It understands runs in batches, as releases before them do not. */
  readonly runs: boolean
  /** The highest place that it knows; 0 from releases before there were any. */
  readonly place: number
}

export interface Mark {
  readonly stream: string
  /** Where a receiver that does not know this stream begins: everything up to here is none of its business. */
  readonly floor: number
}

export interface StoreBatch {
  readonly stream: string
  readonly items: readonly Item[]
}

export function readInterest(value: unknown): InterestNotice | undefined {
  if (!isRecord(value) || !isTokenId(value['session']) || !isCount(value['version'])) return undefined
  const patterns: unknown = value['patterns']
  if (!Array.isArray(patterns) || patterns.length > MAX_PATTERNS || !patterns.every(isPattern))
    return undefined
  const runs = value['runs'] === true
  const place = isCount(value['place']) ? value['place'] : 0
  return { session: value['session'], version: value['version'], patterns, runs, place }
}

export function readMark(value: unknown): Mark | undefined {
  if (!isRecord(value) || !isTokenId(value['stream']) || !isCount(value['floor'])) return undefined
  return { stream: value['stream'], floor: value['floor'] }
}

/** Numbers must rise: a batch that does not keep its own order is refused as a whole. */
export function readStoreBatch(value: unknown): StoreBatch | undefined {
  if (!isRecord(value) || !isTokenId(value['stream'])) return undefined
  const items = batchFromWire(value['items'])
  if (!items || items.length === 0) return undefined
  let last = 0
  for (const item of items) {
    if (item.number <= last) return undefined
    last = item.number
  }
  return { stream: value['stream'], items }
}

/** The answer to {@link METHOD_MARK} and {@link METHOD_STORE}: the highest number that is on disk there. */
export function readMarkAnswer(value: unknown): number | undefined {
  return isCount(value) ? value : undefined
}
