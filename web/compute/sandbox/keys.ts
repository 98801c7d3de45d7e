/**
 * Keys of a job: well-formed strings and finite numbers. `1` and `'1'` differ, `-0` is `0`.
 * Order: numbers before strings, numbers by value, strings by code point.
 */
export type Key = string | number

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
/** Any unit from here on may sort differently by UTF-16 unit than by code point. */
const HIGH_UNIT = /[\ud800-\uffff]/
const encoder = new TextEncoder()

export function isKey(value: unknown): value is Key {
  return typeof value === 'string'
    ? value.isWellFormed()
    : typeof value === 'number' && Number.isFinite(value)
}

export function compareKeys(a: Key, b: Key): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1
  return typeof b === 'number' ? 1 : compareText(a, b)
}

/** Sorts in place. */
export function sortKeys(keys: Key[]): Key[] {
  const numbers = keys.filter((key) => typeof key === 'number').sort((a, b) => a - b)
  const texts = keys.filter((key) => typeof key === 'string')
  if (texts.some((text) => HIGH_UNIT.test(text))) texts.sort(compareText)
  else texts.sort()
  for (let i = 0; i < numbers.length; i++) keys[i] = numbers[i] as Key
  for (let i = 0; i < texts.length; i++) keys[numbers.length + i] = texts[i] as Key
  return keys
}

/** FNV-1a (32 bits) over a type byte and the key's bytes: float64 big-endian, or UTF-8. The same on every peer. */
export function partitionOf(key: Key, partitions: number): number {
  if (partitions === 1) return 0
  let hash = FNV_OFFSET
  for (const byte of keyBytes(key)) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return (hash >>> 0) % partitions
}

function keyBytes(key: Key): Uint8Array {
  if (typeof key === 'string') return encoder.encode(`s${key}`)
  const bytes = new Uint8Array(9)
  bytes[0] = 0x6e
  new DataView(bytes.buffer).setFloat64(1, key)
  return bytes
}

function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointRank(x) - codePointRank(y)
  }
  return a.length - b.length
}

/** Moves surrogates above U+FFFF's other units, so that units compare as the code points that they stand for. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}
