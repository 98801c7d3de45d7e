import { expect, test } from 'vitest'
import { DEFAULT_SETTINGS, readSettings } from '../../../web/messaging/queue/settings.ts'
import { readStats } from '../../../web/messaging/queue/stats.ts'
import { decodeValue, encodeValue, type Value } from '../../../web/wire/index.ts'

/** What a peer can send in place of any field. */
const HOSTILE: readonly Value[] = [
  null,
  undefined,
  Number.NaN,
  -1,
  2 ** 53,
  '',
  5n,
  [],
  [[[]]],
  {},
  { toString: 1, valueOf: 2 },
  { toString: null },
  JSON.parse('{"__proto__":{"a":1}}'),
  new Map([[1, 2]]),
  new Set([1]),
  new Uint8Array(1_000_000),
  new ArrayBuffer(8),
  new Date(Number.NaN),
  'x'.repeat(100_000),
  Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])),
]
const STATS: { readonly [name: string]: Value } = {
  owner: 'a'.repeat(32),
  settings: { ...DEFAULT_SETTINGS },
  holders: ['a'.repeat(32)],
  consumerList: [
    {
      id: 'c',
      peer: 'a'.repeat(32),
      priority: 0,
      exclusive: false,
      selector: '',
      delivering: 0,
      delivered: 0,
      forMs: 5,
    },
  ],
  ...Object.fromEntries(
    [
      'messages',
      'bytes',
      'ready',
      'delivering',
      'scheduled',
      'consumers',
      'added',
      'delivered',
      'acked',
      'failed',
      'expired',
      'dead',
    ].map((name) => [name, 0]),
  ),
}

const crossed = (value: Value) => decodeValue(encodeValue(value))

test('QUE60 settings from a peer are read or refused, whatever stands in them; nothing is thrown', () => {
  expect(readSettings(crossed({ ...DEFAULT_SETTINGS }))).toEqual(DEFAULT_SETTINGS)
  for (const hostile of HOSTILE) {
    expect(readSettings(crossed(hostile))).toBeUndefined()
    for (const name of [...Object.keys(DEFAULT_SETTINGS), 'unknown', '__proto__']) {
      const value = JSON.parse('{}')
      Object.assign(value, DEFAULT_SETTINGS)
      Object.defineProperty(value, name, {
        value: hostile,
        enumerable: true,
        configurable: true,
        writable: true,
      })
      const read = readSettings(crossed(value))
      if (read) expect(Object.keys(read).sort()).toEqual(Object.keys(DEFAULT_SETTINGS).sort())
    }
  }
})

test('QUE60 counters from an owner are read or refused likewise', () => {
  expect(readStats(crossed(STATS))).toBeDefined()
  for (const hostile of HOSTILE) {
    expect(readStats(crossed(hostile))).toBeUndefined()
    for (const name of Object.keys(STATS)) readStats(crossed({ ...STATS, [name]: hostile }))
    const [consumer] = STATS['consumerList'] as [Record<string, Value>]
    for (const name of Object.keys(consumer))
      readStats(crossed({ ...STATS, consumerList: [{ ...consumer, [name]: hostile }] }))
  }
})
