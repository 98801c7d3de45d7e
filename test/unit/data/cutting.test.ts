import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { CsvScanner } from '../../../web/data/csv-scanner.ts'
import { type CutShard, Cutter } from '../../../web/data/cutter.ts'
import type { DatasetFormat, Newline } from '../../../web/data/dataset.ts'
import { LineScanner, type RecordScanner } from '../../../web/data/line-scanner.ts'
import { recordBatches } from '../../../web/data/records.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Text that has every character which matters to a CSV parser many times. */
const csvText = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom(
          '"',
          '""',
          ',',
          '\n',
          '\r\n',
          '\r',
          ' ',
          '\t',
          'a',
          'é',
          '\u00a0',
          '\u2003',
          '—',
          '"x"',
        ),
      },
      { weight: 1, arbitrary: fc.string() },
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join('').replaceAll('\u0000', ''))
const newlines = fc.constantFrom<Newline>('\n', '\r\n', '\r')

function cut(
  text: string,
  scanner: RecordScanner,
  shardBytes: number,
  chunkBytes: number,
  hasHeader = false,
) {
  const cutter = new Cutter({ scanner, shardBytes, hasHeader })
  const bytes = encoder.encode(text)
  const shards: CutShard[] = []
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    shards.push(...cutter.push(bytes.slice(at, at + chunkBytes)))
  }
  shards.push(...cutter.finish())
  return { shards, cutter }
}

function parse(shards: readonly CutShard[], format: DatasetFormat): unknown[] {
  return shards.flatMap(({ bytes }) => [...recordBatches(bytes, format)].flat())
}

describe('cutting', () => {
  test('SHD1 CSV cut anywhere parses as papaparse parses the whole', () => {
    fc.assert(
      fc.property(
        csvText,
        newlines,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (text, newline, shardBytes, chunkBytes) => {
          const { shards, cutter } = cut(
            text,
            new CsvScanner({ delimiter: ',', newline }),
            shardBytes,
            chunkBytes,
          )
          expect(shards.map(({ bytes }) => decoder.decode(bytes)).join('')).toBe(
            decoder.decode(encoder.encode(text)),
          )
          const format = { kind: 'csv', delimiter: ',', newline, columns: [] } as const
          const rows = parse(shards, format).map(
            (record) => (record as { __parsed_extra: string[] }).__parsed_extra,
          )
          const whole = new Papa.Parser({ delimiter: ',', newline }).parse(
            decoder.decode(encoder.encode(text)),
            0,
            false,
          )
          const expected = whole.data.filter((row: string[]) => row.length > 1 || row[0] !== '')
          expect(rows).toEqual(expected)
          expect(shards.map(({ records }) => records).reduce((sum, count) => sum + count, 0)).toBe(
            expected.length,
          )
          expect(cutter.records).toBe(expected.length)
          for (const { bytes } of shards.slice(0, -1))
            expect(bytes.byteLength).toBeGreaterThanOrEqual(shardBytes)
        },
      ),
      { numRuns: 4_000 },
    )
  })

  test('SHD1 records of a file with a header are those of papaparse', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.array(
            fc.string({ maxLength: 8 }).map((field) => field.replaceAll('\u0000', '')),
            { minLength: 2, maxLength: 4 },
          ),
          { minLength: 1, maxLength: 40 },
        ),
        newlines,
        fc.integer({ min: 1, max: 64 }),
        (rows, newline, shardBytes) => {
          const text = Papa.unparse([['one', 'two', 'three'], ...rows], { newline })
          const { shards, cutter } = cut(
            text,
            new CsvScanner({ delimiter: ',', newline }),
            shardBytes,
            7,
            true,
          )
          expect(decoder.decode(cutter.header).trim()).toBe('one,two,three')
          const format = { kind: 'csv', delimiter: ',', newline, columns: ['one', 'two', 'three'] } as const
          const whole = Papa.parse(text, { header: true, delimiter: ',', newline, skipEmptyLines: true })
          expect(parse(shards, format)).toEqual(whole.data)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('SHD1 lines of text are cut behind their line ends, blank ones count', () => {
    const text = 'a\r\n\n  \nlast'
    const { shards, cutter } = cut(text, new LineScanner({ skipsBlank: false }), 2, 3)
    expect(parse(shards, { kind: 'text' })).toEqual(['a', '', '  ', 'last'])
    expect(cutter.records).toBe(4)
    expect(cut('a\n', new LineScanner({ skipsBlank: false }), 1, 1).cutter.records).toBe(1)
  })

  test('SHD1 NDJSON skips lines of white space', () => {
    const text = '{"a":1}\n\n \t\r\n[2]\n"x"'
    const { shards, cutter } = cut(text, new LineScanner({ skipsBlank: true }), 1, 2)
    expect(parse(shards, { kind: 'ndjson' })).toEqual([{ a: 1 }, [2], 'x'])
    expect(cutter.records).toBe(3)
  })

  test('SHD1 a large shard is parsed in batches with the same result', () => {
    const line = (i: number) => `${i},"quoted ${i}, ""really""",x\n`
    const quoted = Array.from({ length: 5_000 }, (_, i) => line(i)).join('')
    const plain = Array.from({ length: 50_000 }, (_, i) => `${i},b,c\n`).join('')
    for (const text of [quoted, plain, plain + quoted, quoted + plain]) {
      const batches = [
        ...recordBatches(encoder.encode(text), { kind: 'csv', delimiter: ',', columns: ['a', 'b', 'c'] }),
      ]
      const whole = Papa.parse(`a,b,c\n${text}`, {
        header: true,
        newline: '\n',
        delimiter: ',',
        skipEmptyLines: true,
      })
      expect(batches.length).toBeGreaterThan(3)
      expect(batches.flat()).toEqual(whole.data)
    }
  })

  test('SHD2 a record over 8 MiB is refused by its number before it is read whole', () => {
    const cutter = new Cutter({
      scanner: new LineScanner({ skipsBlank: false }),
      shardBytes: 4096,
      hasHeader: false,
    })
    cutter.push(encoder.encode('one\ntwo\n'))
    const piece = new Uint8Array(2 ** 20).fill(97)
    let pushed = 0
    expect(() => {
      for (; pushed < 100; pushed++) cutter.push(piece)
    }).toThrow(
      expect.objectContaining({ code: 'record-too-large', message: expect.stringContaining('record 3') }),
    )
    expect(pushed).toBe(8)
  })

  test('SHD2 no shard is larger than 8 MiB', () => {
    const cutter = new Cutter({
      scanner: new LineScanner({ skipsBlank: false }),
      shardBytes: 8 * 2 ** 20,
      hasHeader: false,
    })
    const line = new Uint8Array(3 * 2 ** 20).fill(97)
    line[line.length - 1] = 10
    const shards = [line, line, line, line].flatMap((piece) => cutter.push(piece.slice()))
    expect([...shards, ...cutter.finish()].map(({ bytes }) => bytes.byteLength / 2 ** 20)).toEqual([6, 6])
  })
})

describe('records', () => {
  const csv = (columns: string[], schema?: Record<string, 'number' | 'boolean'>): DatasetFormat => ({
    kind: 'csv',
    delimiter: ',',
    columns,
    ...(schema ? { schema } : {}),
  })
  const records = (text: string, format: DatasetFormat) =>
    [...recordBatches(encoder.encode(text), format)].flat()

  test('SHD3 fields are strings as in the file, ragged rows as papaparse has them', () => {
    expect(records('01, x ,\n1\n1,2,3,4\n', csv(['a', 'b', 'c']))).toEqual([
      { a: '01', b: ' x ', c: '' },
      { a: '1' },
      { a: '1', b: '2', c: '3', __parsed_extra: ['4'] },
    ])
  })

  test('SHD3 a schema types the columns that it names, and what does not fit stays', () => {
    const format = csv(['n', 'b', 's'], { n: 'number', b: 'boolean' })
    const text = '1.5e3,TRUE,7\n,no,8\n0x10,false,9\n12345678901234567890,True,\n -7 ,,\nInfinity,1,\n'
    expect(records(text, format)).toEqual([
      { n: 1500, b: true, s: '7' },
      { n: '', b: 'no', s: '8' },
      { n: '0x10', b: false, s: '9' },
      { n: '12345678901234567890', b: true, s: '' },
      { n: -7, b: '', s: '' },
      { n: 'Infinity', b: '1', s: '' },
    ])
  })

  test('SHD3 a column may have any name', () => {
    const [record] = records('1,2\n', csv(['__proto__', 'constructor'])) as Record<string, unknown>[]
    expect(Object.entries(record ?? {})).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
  })
})
