import { isTokenId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { isNumber, isTime, type QueueItem } from './queue-item.ts'

/** What an owner adds to a message: its place, and its times. */
export type Stamp = Pick<QueueItem, 'number' | 'order' | 'expiresAt' | 'deliverAt'>

/** Stamps of one stream. Their receiver is its sender and has the messages: nothing goes to a device twice. */
export interface Stamps {
  readonly stream: string
  readonly stamps: readonly Stamp[]
}

export function stampsToWire(items: readonly QueueItem[]): Value[] {
  const byStream = new Map<string, Value[]>()
  for (const { stream, number, order, expiresAt, deliverAt } of items) {
    const rows = byStream.get(stream) ?? []
    rows.push([number, order, expiresAt, deliverAt])
    byStream.set(stream, rows)
  }
  return [...byStream]
}

/** Undefined for anything that {@link stampsToWire} does not make. */
export function readStamps(value: unknown): Stamps | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const [stream, rows] = value as readonly unknown[]
  if (!isTokenId(stream) || !Array.isArray(rows)) return undefined
  const stamps: Stamp[] = []
  for (const row of rows) {
    const stamp = readStamp(row)
    if (!stamp) return undefined
    stamps.push(stamp)
  }
  return { stream, stamps }
}

function readStamp(value: unknown): Stamp | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined
  const [number, order, expiresAt, deliverAt] = value as readonly unknown[]
  if (!isNumber(number) || !isTime(order) || !isTime(expiresAt) || !isTime(deliverAt)) return undefined
  return { number, order, expiresAt, deliverAt }
}
