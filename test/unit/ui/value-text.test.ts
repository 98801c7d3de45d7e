import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutText, jsonText, valueText } from '../../../web/ui/value-text.ts'

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

describe('UI15: what is shown of a value', () => {
  test('UI15: a value nested ten thousand levels deep is shown as far as it fits', () => {
    expect(valueText(nested(10_000))).toMatch(/^\[{20}…\]{20}$/)
    expect(valueText({ a: nested(10_000) }).length).toBeLessThan(100)
  })

  test('UI15: a value of a million entries costs no more than what is shown of it', () => {
    let read = 0
    const wide = new Proxy(new Array(1_000_000).fill(7), {
      get: (target, name, self) => {
        read++
        return Reflect.get(target, name, self)
      },
    })
    expect(valueText(wide).length).toBeLessThan(2_010)
    expect(read).toBeLessThan(5_000)
    expect(valueText(new Uint8Array(1_000_000)).length).toBeLessThan(2_010)
    expect(valueText(new Map(Array.from({ length: 100_000 }, (_, at) => [at, at]))).length).toBeLessThan(
      2_010,
    )
  })

  test('UI15: any value is told in one line of bounded length, and a text as it is', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withNullPrototype: true,
        }),
        (value) => {
          const line = valueText(value)
          expect(typeof line === 'string' && (typeof value === 'string' || line.length < 2_010)).toBe(true)
        },
      ),
    )
  })

  test.each([
    [{ a: [1, 'x', undefined, null] }, '{"a":[1,"x",undefined,null]}'],
    [7n, '7'],
    [new Map([['k', 1n]]), '{"k":1}'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [0.1 + 0.2, '0.3'],
  ])('UI15: %o is %s', (value, line) => {
    expect(valueText(value)).toBe(line)
  })

  test('UI15: a cut text has no half of a character', () => {
    expect(cutText('ab😀', 3)).toBe('ab …')
    expect(cutText('ab😀', 4)).toBe('ab😀')
  })

  test('UI15: a file that is saved has the value in full', () => {
    expect(jsonText({ n: 2n ** 70n, map: new Map([['a', 1]]), no: Number.NaN })).toBe(
      '{"n":"1180591620717411303424","map":[["a",1]],"no":"NaN"}',
    )
    expect(jsonText(new Uint8Array([1, 2]))).toBe('[1,2]')
  })
})
