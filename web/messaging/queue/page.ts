import { decodeValue, encodeValue, type Value, WireError } from '../../wire/index.ts'
import { itemToWire, type QueueItem, readItem } from './queue-item.ts'

/** Messages of one page, and so of one transfer. */
export const MAX_PAGE_ITEMS = 512

/** Bodies of one page, beyond which a transfer begins the next. */
export const PAGE_BYTES = 256 * 1024

/** Messages that came together and share a record on disk and a place in a transfer. */
export interface Page {
  /** Counts up in its queue on this device. */
  readonly id: number
  /** Its messages that are not finished; at 0 the record goes. */
  live: number
  /** What its messages take, and what those take that are not finished. */
  bytes: number
  liveBytes: number
}

/** In their order, as many together as a page takes. */
export function inPages<T>(all: Iterable<T>, sizeOf: (one: T) => number): readonly (readonly T[])[] {
  const pages: T[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const one of all) {
    const page = pages.at(-1)
    bytes += sizeOf(one)
    if (page && page.length < MAX_PAGE_ITEMS && bytes <= PAGE_BYTES) page.push(one)
    else {
      pages.push([one])
      bytes = sizeOf(one)
    }
  }
  return pages
}

export function encodePage(items: readonly QueueItem[]): Uint8Array<ArrayBuffer> {
  return encodeValue(items.map(itemToWire))
}

/** Undefined where the bytes are no page of at most `maxItems`. */
export function decodePage(bytes: Uint8Array, maxItems: number): readonly QueueItem[] | undefined {
  let value: Value
  try {
    value = decodeValue(bytes)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
  return readItems(value, maxItems)
}

function readItems(value: unknown, maxItems: number): readonly QueueItem[] | undefined {
  if (!Array.isArray(value) || value.length > maxItems) return undefined
  const items: QueueItem[] = []
  for (const part of value) {
    const item = readItem(part)
    if (!item) return undefined
    items.push(item)
  }
  return items
}

/** The record of a page: its bytes with their check sum, since a disk that turns bits must not turn messages. */
export function pageToStore(bytes: Uint8Array<ArrayBuffer>): {
  readonly bytes: Uint8Array
  readonly sum: number
} {
  return { bytes, sum: checkSum(bytes) }
}

/** The bytes of a record that is whole. */
export function pageFromStore(row: unknown): Uint8Array | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const { bytes, sum } = row as { bytes?: unknown; sum?: unknown }
  return bytes instanceof Uint8Array && checkSum(bytes) === sum ? bytes : undefined
}

/** FNV-1a (Fowler, Noll, Vo), 32 bits: finds flipped and missing bytes; no defence against forgers. */
function checkSum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ (bytes[i] as number), 0x01000193)
  return sum >>> 0
}
