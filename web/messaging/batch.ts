import { type Encoded, encodeOnce, type Value } from '../wire/index.ts'
import { type Item, isBody, itemFromWire, itemToWire, NO_HEADERS } from './item.ts'

/** Messages of one batch. */
export const MAX_BATCH_ITEMS = 512

/** Goes to everybody who wants it as the same bytes; `inRuns` to those who know runs. */
export function batchToWire(items: readonly Item[], inRuns: boolean): Encoded {
  return encodeOnce(inRuns ? runsOf(items) : items.map(itemToWire))
}

/** Undefined for anything that {@link batchToWire} does not make. */
export function batchFromWire(value: unknown): readonly Item[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_BATCH_ITEMS) return undefined
  const items: Item[] = []
  for (const part of value) {
    if (!readPart(part, items) || items.length > MAX_BATCH_ITEMS) return undefined
  }
  return items
}

/**
 * Messages that follow each other on one topic within a millisecond say topic, time and first number once: a run is the
 * first of them, with the bodies of all in the place of its own.
 */
function runsOf(items: readonly Item[]): Value[] {
  const parts: Value[] = []
  let first: Item | undefined
  let bodies: Value[] = []
  for (const item of items) {
    if (first && follows(first, bodies.length, item)) {
      bodies.push(item.body)
      continue
    }
    if (item.headers === NO_HEADERS && item.place === undefined) {
      first = item
      bodies = [item.body]
      parts.push([item.number, item.topic, item.sentAt, bodies])
    } else {
      first = undefined
      parts.push(itemToWire(item))
    }
  }
  return parts
}

function follows(first: Item, count: number, item: Item): boolean {
  const isSame = item.topic === first.topic && item.sentAt === first.sentAt && item.headers === NO_HEADERS
  if (first.place !== undefined || item.place !== undefined) return false
  return isSame && item.number === first.number + count
}

function readPart(part: unknown, into: Item[]): boolean {
  const run: unknown = Array.isArray(part) ? part[3] : undefined
  if (!Array.isArray(run)) {
    const item = itemFromWire(part)
    if (item) into.push(item)
    return item !== undefined
  }
  const [number, topic, sentAt] = part as readonly unknown[]
  const first = itemFromWire([number, topic, sentAt, run[0]])
  if (!first || run.length > MAX_BATCH_ITEMS || (part as readonly unknown[]).length !== 4) return false
  into.push(first)
  for (let at = 1; at < run.length; at++) {
    const body: unknown = run[at]
    if (!isBody(body) || !Number.isSafeInteger(first.number + at)) return false
    into.push({ ...first, number: first.number + at, body })
  }
  return true
}
