import { describe, expect, test } from 'vitest'
import { decodeValue, encodeValue, type Value } from '../../../web/wire/index.ts'

const COUNT = 2_000
const SET = 0x0d
const MAP = 0x0c

/** V8's hash of a small integer: those of one place are found by trying. */
function ofOnePlace(count: number): number[] {
  const found: number[] = []
  for (let key = 0; found.length < count; key++) {
    let hash = (~key + (key << 15)) | 0
    hash ^= hash >>> 12
    hash = (hash + (hash << 2)) | 0
    hash ^= hash >>> 4
    hash = Math.imul(hash, 2057)
    if (((hash ^ (hash >>> 16)) & 1023) === 0) found.push(key)
  }
  return found
}

const numbers = (count: number, make: (n: number) => Value): Value[] =>
  Array.from({ length: count }, (_, n) => make(n))
const SLOW: readonly [string, readonly Value[]][] = [
  ['bigints with equal low bits', numbers(COUNT, (n) => (BigInt(n) << 64n) | 5n)],
  ['the same below zero', numbers(COUNT, (n) => -((BigInt(n) << 64n) | 5n))],
  ['long bigints that differ at the top', numbers(COUNT, (n) => (BigInt(n + 1) << 800n) | 1n)],
  ['integers of one place', ofOnePlace(COUNT)],
  ['slow ones behind quick ones', [...numbers(500, (n) => n), ...numbers(COUNT, (n) => BigInt(n) << 64n)]],
  ['slow ones between texts', numbers(COUNT, (n) => (n % 2 === 0 ? `${n}` : BigInt(n) << 64n))],
]

/** As bytes from a peer that does not ask whether it may. */
function raw(tag: number, items: readonly Value[]): Uint8Array<ArrayBuffer> {
  const count = items.length
  const head = [tag, (count & 0x7f) | 0x80, count >> 7]
  const parts = items.flatMap((item) => [encodeValue(item), ...(tag === MAP ? [encodeValue(null)] : [])])
  return new Uint8Array([...head, ...parts.flatMap((part) => [...part])])
}

describe('maps and sets are built in the time that their size justifies', () => {
  test.each(SLOW)(
    'WIR8 %s are refused by the encoder, whose caller is told, and by the decoder',
    (_, keys) => {
      const set = new Set(keys)
      const map = new Map(keys.map((key) => [key, null]))
      for (const value of [set, map, [{ a: set }]])
        expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: 'not-encodable' }))
      for (const tag of [SET, MAP])
        expect(() => decodeValue(raw(tag, keys))).toThrow(
          expect.objectContaining({ code: 'malformed', message: expect.stringContaining('slow') }),
        )
    },
  )

  test.each<[string, (n: number) => Value]>([
    ['integers in a row', (n) => n],
    ['below zero', (n) => -n],
    ['in steps of 1,024', (n) => n * 1024],
    ['in steps of 65,536', (n) => n * 65_536],
    ['halves', (n) => n + 0.5],
    ['times', (n) => 1_700_000_000_000 + n * 1000],
    ['beyond 2^40', (n) => n * 2 ** 40],
    ['tiny fractions', (n) => n * 2 ** -40],
    ['bigints in a row', (n) => BigInt(n)],
    ['bigints in steps of 2^32', (n) => BigInt(n) << 32n],
    ['mixed', (n) => (n % 3 === 0 ? n : n % 3 === 1 ? BigInt(n) : `${n}`)],
  ])('WIR8 what people count with passes: %s', (_, make) => {
    for (const count of [1, 33, 100, 20_000]) {
      const keys = numbers(count, make)
      const set = new Set(keys)
      const back = [...(decodeValue(encodeValue(set)) as Set<Value>)]
      expect(back.length === set.size && back.every((key, n) => key === keys[n])).toBe(true)
      const map = new Map(keys.slice(0, 100).map((key, n) => [key, n]))
      expect(decodeValue(encodeValue(map))).toEqual(map)
    }
  })

  test('WIR8 a few that meet pass', () => {
    const few = new Set(numbers(40, (n) => BigInt(n) << 64n))
    expect(decodeValue(encodeValue(few))).toEqual(few)
  })

  test.each([
    ['entries of a set', () => new Set(numbers(1024 * 1024 + 1, (n) => n))],
    [
      'names of an object',
      () => Object.fromEntries(numbers(512 * 1024 + 1, (n) => [`k${n}`, null]) as [string, null][]),
    ],
  ])('WIR2 more %s than their weight allows are neither written nor read', (name, make) => {
    const value = make()
    expect(() => encodeValue(value as Value)).toThrow(expect.objectContaining({ code: 'too-large' }))
    const [tag, count] = name.startsWith('entries') ? [SET, 1024 * 1024 + 1] : [0x0b, 512 * 1024 + 1]
    const bytes = new Uint8Array(4 + 2 * count)
    bytes.set([tag, (count & 0x7f) | 0x80, ((count >> 7) & 0x7f) | 0x80, count >> 14])
    expect(() => decodeValue(bytes)).toThrow(
      expect.objectContaining({ code: 'malformed', message: expect.stringContaining('more objects') }),
    )
  })
})
