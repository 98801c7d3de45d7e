import type { StoreKey, StoreRange } from './store.ts'

/** Negative, zero or positive as IndexedDB orders keys: numbers, then strings, then arrays element by element. */
export function compareKeys(a: StoreKey, b: StoreKey): number {
  const ranks = rankOf(a) - rankOf(b)
  if (ranks !== 0) return ranks
  if (typeof a !== 'object' || typeof b !== 'object') return a < b ? -1 : a > b ? 1 : 0
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const order = compareKeys(a[i] as StoreKey, b[i] as StoreKey)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** True when the key lies in the range, both ends included. */
export function isInRange(key: StoreKey, range: StoreRange): boolean {
  if (range.from !== undefined && compareKeys(key, range.from) < 0) return false
  return range.to === undefined || compareKeys(key, range.to) <= 0
}

/** A text that is equal exactly for equal keys. Throws a TypeError for what is no key. */
export function keyText(key: StoreKey): string {
  if (typeof key === 'number' && !Number.isNaN(key)) return `n${key}`
  if (typeof key === 'string') return `s${key}`
  if (Array.isArray(key)) return `a${JSON.stringify(key.map(keyText))}`
  throw new TypeError('a store key is a number, a string or an array of these')
}

function rankOf(key: StoreKey): number {
  return typeof key === 'number' ? 0 : typeof key === 'string' ? 1 : 2
}
