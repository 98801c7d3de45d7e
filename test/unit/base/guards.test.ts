import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { entriesOf, isCount, isRecord, OptionError, option } from '../../../web/base/index.ts'

class Instance {}

describe('guards', () => {
  test.each([
    ['an object', {}, true],
    ['one without a prototype', Object.create(null), true],
    ['one of another window', runInNewContext('({ a: 1 })'), true],
    ['one with an own __proto__', JSON.parse('{"__proto__": 1}'), true],
    ['null', null, false],
    ['an array', [], false],
    ['an array of another window', runInNewContext('[]'), false],
    ['an array without a prototype', Object.setPrototypeOf([], null), false],
    ['a typed array', new Uint8Array(2), false],
    ['a buffer', new ArrayBuffer(2), false],
    ['a map', new Map(), false],
    ['a date', new Date(0), false],
    ['an instance', new Instance(), false],
    ['a function', () => undefined, false],
    ['a text', 'a', false],
  ])('BAS8 %s', (_, value, isOne) => {
    expect(isRecord(value)).toBe(isOne)
    expect(entriesOf(value, 1) !== undefined).toBe(isOne)
  })

  test('BAS8 a record is counted before pairs are made of it', () => {
    const read = vi.fn(() => 1)
    const record = Object.defineProperties(
      {},
      Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { get: read, enumerable: true }])),
    )
    expect(entriesOf(record, 2)).toBeUndefined()
    expect(read).not.toHaveBeenCalled()
    expect(entriesOf(record, 3)).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
  })

  test('BAS8 a count is whole and within its bounds', () => {
    expect([0, 1, 2 ** 53 - 1].every((value) => isCount(value))).toBe(true)
    expect(
      [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1n, '1', null].some((value) => isCount(value)),
    ).toBe(false)
    expect([1, 2, 3, 4].map((value) => isCount(value, 2, 3))).toEqual([false, true, true, false])
  })
})

const NASTY: readonly [string, unknown, string][] = [
  ['NaN', Number.NaN, 'NaN'],
  ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
  ['2^53', 2 ** 53, '9007199254740992'],
  ['-1', -1, '-1'],
  ['no text', '', '""'],
  ['half a pair', '\ud83d', '"\\ud83d"'],
  ['a long text', 'x'.repeat(1000), `"${'x'.repeat(40)}…"`],
  ['a bigint', 5n, '5n'],
  ['a bigint of a megabyte', 1n << 8_000_000n, 'a large bigint'],
  ['a symbol', Symbol('s'), 'a symbol'],
  ['a function', () => 1, 'a function'],
  ['null', null, 'null'],
  ['an array', [1], 'an array'],
  [
    'an object that throws',
    {
      get [Symbol.toStringTag](): string {
        throw new Error('no')
      },
      get message(): string {
        throw new Error('no')
      },
      toString(): string {
        throw new Error('no')
      },
    },
    'an object',
  ],
]

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  return proxy
}

function refusal(run: () => unknown): OptionError {
  try {
    run()
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('options', () => {
  test.each(NASTY)('BAS9 %s is refused by name, and shown', (_, value, text) => {
    for (const run of [
      () => option.boolean('limit', value),
      () =>
        option.count('limit', value, { least: 0, most: 5 }) === -1 ||
        option.count('limit', value, { most: 4 }),
      () =>
        option.durationMs(
          'limit',
          typeof value === 'number' && value > 0 && value < Infinity ? -value : value,
        ),
      () => option.text('limit', value, { least: 1, most: 10 }),
      () => option.oneOf('limit', value, ['a', 'b']),
      () => option.signal('limit', value),
    ]) {
      const error = refusal(run)
      expect(error.code).toBe('bad-option')
      expect(error.option).toBe('limit')
      expect(error.value.replace(/^-(?=9)/, '')).toBe(text)
      expect(error.message).toContain('limit')
      expect(error.message.isWellFormed()).toBe(true)
      expect(error.message.length).toBeLessThan(200)
    }
  })

  test('BAS9 a proxy that is gone is shown too', () => {
    expect(refusal(() => option.count('limit', revokedProxy())).value).toBe('an object')
  })

  test('BAS9 what is in its bounds comes back', () => {
    expect(option.boolean('a', false)).toBe(false)
    expect(option.count('a', 5, { least: 5, most: 5 })).toBe(5)
    for (const ms of [0, 0.5, 30 * 86_400_000, 2 ** 31, 2 ** 53, Number.MAX_VALUE])
      expect(option.durationMs('a', ms)).toBe(ms)
    expect(option.text('a', '👍', { most: 2 })).toBe('👍')
    expect(option.oneOf('a', 'b', ['a', 'b'])).toBe('b')
    expect(option.signal('a', undefined)).toBeUndefined()
  })

  test('BAS9 an unknown option is refused, as is what is no object of options', () => {
    const given = { history: 1 }
    expect(option.names('subscribe', given, ['history'])).toBe(given)
    expect(option.names('subscribe', undefined, [])).toEqual({})
    expect(
      refusal(() => option.names('subscribe', { histroy: 1 } as object, ['history' as never])).message,
    ).toBe('histroy is no option of subscribe: it has history, not 1')
    for (const value of [null, 5, [], new Uint8Array(4), new AbortController().signal, new Map()])
      expect(refusal(() => option.names('subscribe', value as object, [])).option).toBe('subscribe')
  })
})
