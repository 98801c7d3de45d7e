/** Up to so many keys cannot cost much, however they fall. */
const FEW = 32
/** A table has one place for each two keys at least; keys that fall like chance meet about once each. */
const MOST_MEETINGS = 8
const FREE_MEETINGS = 1024

const doubles = new Float64Array(1)
const halves = new Uint32Array(doubles.buffer)

/**
 * False for keys of a map or set that would meet in few places of its table: then building it takes the square of their
 * number. Engines hash texts and objects by chance of their own, but numbers and bigints by a function that everybody
 * knows (in Chromium; a bigint by its lowest 64 bits alone), so that a peer could choose them so. The same function is
 * applied here first, at every size that the table has while it grows.
 */
export function isSpread(keys: readonly unknown[]): boolean {
  if (keys.length <= FEW) return true
  const hashes = hashesOf(keys)
  for (let size = 2 * FEW; size < 2 * hashes.length; size *= 2)
    if (!isSpreadAt(hashes, Math.min(size, hashes.length), size / 2)) return false
  return true
}

/** The first `count` keys in a table of `places`, a power of two. */
function isSpreadAt(hashes: Int32Array, count: number, places: number): boolean {
  const most = MOST_MEETINGS * count + FREE_MEETINGS
  const held = new Uint32Array(places)
  let meetings = 0
  for (let i = 0; i < count; i++) {
    const place = (hashes[i] as number) & (places - 1)
    meetings += held[place] as number
    if (meetings > most) return false
    held[place] = (held[place] as number) + 1
  }
  return true
}

/** Of the numbers and bigints among the keys. */
function hashesOf(keys: readonly unknown[]): Int32Array {
  const hashes = new Int32Array(keys.length)
  let count = 0
  for (const key of keys) {
    if (typeof key === 'number') hashes[count++] = numberHash(key)
    else if (typeof key === 'bigint') hashes[count++] = bigintHash(key)
  }
  return hashes.subarray(0, count)
}

function numberHash(key: number): number {
  if ((key | 0) === key) return intHash(key)
  doubles[0] = key
  return longHash(halves[1] as number, halves[0] as number)
}

function bigintHash(key: bigint): number {
  const low = BigInt.asUintN(64, key < 0n ? -key : key)
  return longHash(Number(low >> 32n), Number(low & 0xffff_ffffn))
}

/** V8's ComputeUnseededHash (after Thomas Wang): a change of it there makes this check useless, not wrong. */
function intHash(key: number): number {
  let hash = (~key + (key << 15)) | 0
  hash ^= hash >>> 12
  hash = (hash + (hash << 2)) | 0
  hash ^= hash >>> 4
  hash = Math.imul(hash, 2057)
  return hash ^ (hash >>> 16)
}

/** V8's ComputeLongHash of 64 bits in two halves; the lower 32 bits of the outcome. */
function longHash(high: number, low: number): number {
  // ~key + (key << 18)
  let [h, l] = add(~high, ~low, (high << 18) | (low >>> 14), low << 18)
  // ^ (>> 31)
  ;[h, l] = [h ^ (h >>> 31), l ^ ((h << 1) | (l >>> 31))]
  // * 21
  let [h4, l4] = add(h, l, (h << 2) | (l >>> 30), l << 2)
  ;[h4, l4] = add(h4, l4, (h << 4) | (l >>> 28), l << 4)
  // ^ (>> 11)
  ;[h, l] = [h4 ^ (h4 >>> 11), l4 ^ ((h4 << 21) | (l4 >>> 11))]
  // + (<< 6)
  ;[h, l] = add(h, l, (h << 6) | (l >>> 26), l << 6)
  // ^ (>> 22)
  return l ^ ((h << 10) | (l >>> 22))
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): [number, number] {
  const low = (aLow >>> 0) + (bLow >>> 0)
  return [(aHigh + bHigh + (low > 0xffff_ffff ? 1 : 0)) | 0, low | 0]
}
