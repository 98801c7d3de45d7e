import { decodeValue, encodeValue, type Value, WireError } from '../../wire/index.ts'
import { isKey, type Key } from './keys.ts'

/** A key with something of its own: its values in a bucket, its reduced value in a result. */
export type Pair<T = unknown> = readonly [Key, T]

const LENGTH_BYTES = 4

/**
 * Keys in order, each with its values in the order in which they were emitted. Throws what the codec throws for a value
 * that cannot travel. Length-prefixed chunks, since one encoded value has a bound and a bucket may be larger.
 */
export function encodePairs(pairs: readonly Pair[]): ArrayBuffer {
  const chunks = chunksOf(pairs)
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + LENGTH_BYTES + chunk.byteLength, 0))
  const view = new DataView(whole.buffer)
  let at = 0
  for (const chunk of chunks) {
    view.setUint32(at, chunk.byteLength)
    whole.set(chunk, at + LENGTH_BYTES)
    at += LENGTH_BYTES + chunk.byteLength
  }
  return whole.buffer
}

/** Throws a TypeError or WireError for bytes that are no pairs. */
export function decodePairs(bytes: ArrayBuffer): [Key, unknown][] {
  const view = new DataView(bytes)
  const pairs: [Key, unknown][] = []
  for (let at = 0; at < bytes.byteLength; ) {
    if (at + LENGTH_BYTES > bytes.byteLength) throw new TypeError('a bucket ends within a chunk')
    const length = view.getUint32(at)
    at += LENGTH_BYTES
    if (at + length > bytes.byteLength) throw new TypeError('a bucket ends within a chunk')
    decodeChunk(new Uint8Array(bytes, at, length), pairs)
    at += length
  }
  return pairs
}

/** A bucket of map output. Throws like {@link decodePairs}. */
export function decodeGroups(bytes: ArrayBuffer): [Key, unknown[]][] {
  return decodePairs(bytes).map(([key, values]) => {
    if (!Array.isArray(values)) throw new TypeError('a bucket holds values that are no list')
    return [key, values]
  })
}

function chunksOf(pairs: readonly Pair[]): Uint8Array[] {
  if (pairs.length === 0) return []
  const flat: unknown[] = []
  for (const [key, value] of pairs) flat.push(key, value)
  try {
    return [encodeValue(flat as Value)]
  } catch (error) {
    const isTooLarge = error instanceof WireError && error.code === 'too-large'
    if (!isTooLarge || pairs.length === 1) throw error
    const middle = pairs.length >> 1
    return [...chunksOf(pairs.slice(0, middle)), ...chunksOf(pairs.slice(middle))]
  }
}

function decodeChunk(bytes: Uint8Array, into: [Key, unknown][]): void {
  const flat = decodeValue(bytes)
  if (!Array.isArray(flat) || flat.length % 2 !== 0) throw new TypeError('these bytes are no bucket')
  for (let i = 0; i < flat.length; i += 2) {
    const key: unknown = flat[i]
    if (!isKey(key)) throw new TypeError('a bucket holds a key that is none')
    into.push([key, flat[i + 1]])
  }
}
