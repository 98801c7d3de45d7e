import { describe, expect, test } from 'vitest'
import {
  isDatasetId,
  readDigest,
  readHoldings,
  readIds,
  readManifest,
  readManifests,
  readPut,
  readShardBytes,
} from '../../../web/data/messages.ts'
import { recordBatches } from '../../../web/data/records.ts'

const ID = 'abcdefgh12345678'
const SHARD = 'ab'.repeat(32)
const PEER = 'a'.repeat(32)

function manifest(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: ID,
    name: 'file.csv',
    format: { kind: 'csv', delimiter: ',', columns: ['a', 'b'], quote: "'", comment: '#' },
    odd: [{ kind: 'blank-line', count: 7, lines: [1, 2] }],
    replicas: 'default',
    header: 'a,b\n',
    shards: [{ id: SHARD, bytes: 10, records: 2 }],
    addedBy: PEER,
    addedAt: 5,
    ...changes,
  }
}

const csv = (changes: Record<string, unknown>) =>
  manifest({ format: { kind: 'csv', delimiter: ',', columns: ['a', 'b'], ...changes } })
const shard = (changes: Record<string, unknown>) =>
  manifest({ shards: [{ id: SHARD, bytes: 10, records: 2, ...changes }] })

/** What no field may be, whatever the field. */
const WRONG: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  2 ** 53,
  10n,
  '',
  'x',
  [],
  [[]],
  {},
  new Map(),
  new Set(),
  new Date(0),
  new ArrayBuffer(3),
  new Uint8Array(3),
]

describe('manifests of a hostile peer', () => {
  test('SHD15 a right one passes, without fields that nobody knows', () => {
    expect(readManifest({ ...manifest(), more: 1 })).toEqual(manifest())
  })

  test.each(['id', 'format', 'shards', 'addedBy'])('SHD15 nothing of a wrong type passes as %s', (field) => {
    const isOfNoRows = (value: unknown) => field === 'shards' && Array.isArray(value) && value.length === 0
    for (const value of WRONG)
      if (!isOfNoRows(value)) expect(readManifest(manifest({ [field]: value }))).toBeUndefined()
    for (const value of WRONG) expect(readManifest(value)).toBeUndefined()
  })

  test.each([
    ['a name with a line end', manifest({ name: 'a\nb' })],
    ['a name with an escape character', manifest({ name: 'a\u001b[2J' })],
    ['a name with half a character', manifest({ name: 'a\ud800' })],
    ['a name of white space', manifest({ name: '   ' })],
    ['a long name', manifest({ name: 'x'.repeat(201) })],
    ['more replicas than members', manifest({ replicas: 13 })],
    ['no replicas', manifest({ replicas: 0 })],
    ['a time beyond exact numbers', manifest({ addedAt: 2 ** 53 })],
    ['a header that is no text', manifest({ header: 7 })],
    ['a shard id in capitals', shard({ id: SHARD.toUpperCase() })],
    ['an empty shard', shard({ bytes: 0 })],
    ['a shard of 2^53 bytes', shard({ bytes: 2 ** 53 })],
    ['more records than bytes', shard({ records: 11 })],
    ['a fraction of a record', shard({ records: 0.5 })],
    ['a delimiter of two characters', csv({ delimiter: ',,' })],
    ['a quote as delimiter', csv({ delimiter: '"' })],
    ['a line end as delimiter', csv({ delimiter: '\n' })],
    ['a delimiter beyond ASCII', csv({ delimiter: 'é' })],
    ['a quote that is the delimiter', csv({ quote: ',' })],
    ['a quote of two characters', csv({ quote: '""' })],
    ['a comment that is the quote', csv({ comment: '"' })],
    ['columns of one name', csv({ columns: ['a', 'a'] })],
    ['bytes as a schema', csv({ schema: new Uint8Array(2 ** 20) })],
    ['an oddity that nobody knows', manifest({ odd: [{ kind: 'ghost', count: 1, lines: [] }] })],
    ['an oddity that is none', manifest({ odd: [{ kind: 'comment', count: 0, lines: [] }] })],
    [
      'too many lines of an oddity',
      manifest({ odd: [{ kind: 'comment', count: 9, lines: [1, 2, 3, 4, 5, 6] }] }),
    ],
    ['a header over 1 MiB', manifest({ header: 'x'.repeat(2 ** 20 + 1) })],
    ['columns that are no texts', csv({ columns: ['a', 1] })],
    ['too many columns', csv({ columns: Array(4097).fill('a') })],
    ['a type that is none', csv({ schema: { a: 'function' } })],
    ['a type for no column', csv({ schema: { c: 'number' } })],
    ['a prototype as schema', csv({ schema: JSON.parse('{"__proto__":"number"}') })],
  ])('SHD15 %s is refused', (_what, value) => {
    expect(readManifest(value)).toBeUndefined()
  })

  test('SHD15 a million shards are refused before they are looked at', () => {
    const shards = new Proxy(Array(1_000_000), {
      get: (target, key) => {
        if (key === '0') throw new Error('looked at')
        return Reflect.get(target, key)
      },
    })
    expect(readManifest(manifest({ shards }))).toBeUndefined()
    expect(readManifests(Array(2000).fill(manifest())).length).toBe(1000)
  })

  test('SHD15 a column named __proto__ is a column and no prototype', () => {
    const schema = JSON.parse('{"__proto__":"number"}') as unknown
    const read = readManifest(csv({ columns: ['__proto__', 'b'], schema }))
    const kept = read?.format.kind === 'csv' ? read.format.schema : undefined
    expect(Object.keys(kept ?? {})).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype)
  })

  test('SHD15 no delimiter that passes keeps the parser from its end', () => {
    const bytes = new TextEncoder().encode('a\0b,"c\r\nd" ;"e\n\n"\t|f""\r"\u001e\u001f"')
    for (let code = 0; code < 128; code++) {
      const read = readManifest(csv({ delimiter: String.fromCharCode(code), quote: '"' }))
      if (read) expect([...recordBatches(bytes, read.format)].length, `${code}`).toBeLessThan(20)
    }
  })
})

describe('other messages of a hostile peer', () => {
  test('SHD15 nothing of a wrong type is a put, a digest, holdings or ids', () => {
    for (const value of WRONG) {
      expect(readPut(value)).toBeUndefined()
      expect(readPut({ ingest: ID, shardId: SHARD, bytes: value })?.bytes.byteLength ?? 3).toBe(3)
      expect(readPut({ ingest: value, shardId: SHARD, bytes: new Uint8Array(1) })).toBeUndefined()
      expect(readPut({ ingest: ID, shardId: value, bytes: new Uint8Array(1) })).toBeUndefined()
      expect(readHoldings(value)).toBeUndefined()
      expect(readDigest([[ID, value]]) === undefined || value === true).toBe(true)
      expect(readIds([value], isDatasetId)).toBeUndefined()
    }
    expect(readPut({ ingest: ID, shardId: SHARD, bytes: new Uint8Array(0) })).toBeUndefined()
  })

  test('SHD15 what is larger than its bound is refused', () => {
    const large = new Uint8Array(8 * 2 ** 20 + 1)
    expect(readPut({ ingest: ID, shardId: SHARD, bytes: large })).toBeUndefined()
    expect(readShardBytes(large)).toBeUndefined()
    const holdings = (sets: unknown) => ({ isFull: true, stays: false, sets })
    expect(readHoldings(holdings([[ID, new Uint8Array(8192)]]))).toBeDefined()
    expect(readHoldings(holdings([[ID, new Uint8Array(8193)]]))).toBeUndefined()
    expect(readHoldings(holdings(Array(10_001).fill([ID, new Uint8Array(1)])))).toBeUndefined()
    expect(readDigest(Array(1001).fill([ID, true]))).toBeUndefined()
    expect(readIds(Array(1001).fill(ID), isDatasetId)).toBeUndefined()
  })
})
