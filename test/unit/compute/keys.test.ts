import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareKeys, isKey, type Key, partitionOf, sortKeys } from '../../../web/compute/sandbox/keys.ts'

const key = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.string({ unit: 'binary' }),
) as fc.Arbitrary<Key>

describe('keys', () => {
  test('JOB10: strings and finite numbers are keys, everything else is not', () => {
    for (const good of ['', 'a', '1', 1, 0, -2.5, Number.MAX_VALUE, '😀']) expect(isKey(good)).toBe(true)
    for (const bad of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      null,
      undefined,
      true,
      1n,
      [],
      {},
      new Date(),
      '\ud800',
    ]) {
      expect(isKey(bad)).toBe(false)
    }
  })

  test('JOB11: numbers before strings, numbers by value, strings by code point', () => {
    const sorted = [
      -10,
      -1,
      0,
      0.5,
      2,
      10,
      '',
      '1',
      '10',
      '2',
      'Z',
      'a',
      'ab',
      '\ue000',
      '\uffff',
      '😀',
      '😁',
    ]
    expect(sortKeys([...sorted].reverse())).toEqual(sorted)
  })

  test('JOB11: sorting agrees with the comparison', () => {
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        expect(sortKeys([...keys])).toEqual([...keys].sort(compareKeys))
      }),
    )
  })

  test('JOB11: strings compare as their code points do', () => {
    const points = (text: string) => [...text].map((char) => char.codePointAt(0) as number)
    const compare = (a: number[], b: number[]) => {
      const at = a.findIndex((point, i) => point !== b[i])
      return at < 0 ? a.length - b.length : at >= b.length ? 1 : (a[at] as number) - (b[at] as number)
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(compare(points(a), points(b))))
      }),
    )
  })

  test('JOB12: a key has one partition of those asked for, 1 and "1" on their own', () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 256 }), (one, partitions) => {
        const partition = partitionOf(one, partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      }),
    )
    // Written out a second time: two versions of a peer must agree on it.
    expect([partitionOf('a', 256), partitionOf(1, 256), partitionOf('1', 256)]).toEqual([
      fnv([0x73, 0x61]) % 256,
      fnv([0x6e, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]) % 256,
      fnv([0x73, 0x31]) % 256,
    ])
  })

  test('JOB12: partitions are even within a tenth', () => {
    const counts = new Array<number>(16).fill(0)
    for (let i = 0; i < 16_000; i++) {
      const at = partitionOf(`key ${i}`, 16)
      counts[at] = (counts[at] as number) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

function fnv(bytes: readonly number[]): number {
  let hash = 2166136261n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 16777619n) & 0xffffffffn
  return Number(hash)
}
