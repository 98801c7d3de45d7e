import { decodeValue, encodeValue, type Value, WireError } from '../../wire/index.ts'
import { isKey, type Key } from './keys.ts'

/** A key with something of its own: its values in a bucket, its reduced value in a result. */
export type Pair<T = unknown> = readonly [Key, T]

const LENGTH_BYTES = 4

/**
 * Keys in order, each with its value. Throws what the codec throws for a value that cannot travel. Length-prefixed chunks,
 * since one encoded value has a bound and a bucket may be larger.
 */
export function encodePairs(pairs: readonly Pair[]): ArrayBuffer {
  return joined(chunksOf(pairs, () => []))
}

/**
 * Keys in order, each with its values in the order in which they were emitted. A list that is more than one encoded value may
 * hold is cut into pages, each with its key, so that only the bucket has a bound.
 */
export function encodeLists(lists: readonly Pair<readonly unknown[]>[]): ArrayBuffer {
  return joined(chunksOf(lists, halvesOf))
}

function joined(chunks: readonly Uint8Array[]): ArrayBuffer {
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

/** What {@link encodeLists} has made, each list whole again. Throws like {@link decodePairs}. */
export function decodeLists(bytes: ArrayBuffer): [Key, unknown[]][] {
  const lists: [Key, unknown[]][] = []
  for (const [key, values] of decodePairs(bytes)) {
    if (!Array.isArray(values)) throw new TypeError('a bucket holds values that are no list')
    const last = lists.at(-1)
    if (last?.[0] === key) for (const value of values) last[1].push(value)
    else lists.push([key, values])
  }
  return lists
}

/** `halves`: what stands for a pair that is too large alone; none where it cannot be cut. */
function chunksOf<P extends Pair>(pairs: readonly P[], halves: (pair: P) => readonly P[]): Uint8Array[] {
  if (pairs.length === 0) return []
  const flat: unknown[] = []
  for (const [key, value] of pairs) flat.push(key, value)
  try {
    return [encodeValue(flat as Value)]
  } catch (error) {
    const isTooLarge = error instanceof WireError && error.code === 'too-large'
    const parts = pairs.length > 1 ? pairs : halves(pairs[0] as P)
    if (!isTooLarge || parts.length === 0) throw error
    const middle = parts.length >> 1
    return [...chunksOf(parts.slice(0, middle), halves), ...chunksOf(parts.slice(middle), halves)]
  }
}

function halvesOf([key, values]: Pair<readonly unknown[]>): Pair<readonly unknown[]>[] {
  if (values.length < 2) return []
  const middle = values.length >> 1
  return [
    [key, values.slice(0, middle)],
    [key, values.slice(middle)],
  ]
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
