import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { CsvScanner } from '../../../web/data/csv-scanner.ts'
import { type CutShard, Cutter } from '../../../web/data/cutter.ts'
import type { CsvFormat, DatasetFormat } from '../../../web/data/dataset.ts'
import { LineScanner } from '../../../web/data/line-scanner.ts'
import { Oddities } from '../../../web/data/oddities.ts'
import type { RecordScanner } from '../../../web/data/record-scanner.ts'
import { recordBatches } from '../../../web/data/records.ts'
import { type CsvSigns, referenceRows } from '../../support/csv-reference.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Text that has every character which matters to a CSV parser many times. */
const uglyText = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom(
          ...['"', '""', "'", ',', ';', '\t', '\n', '\r\n', '\r', ' ', '#', 'a', 'é', '\u00a0', '\ufeff'],
          ...['"x"', '"x" y', ',"', '",', '"\n', '\n"', '\n#', '—'],
        ),
      },
      { weight: 1, arbitrary: fc.string() },
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join('').replaceAll('\u0000', ''))
const signs = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', ' '),
  quote: fc.constantFrom('"', '"', '"', "'", ''),
  comment: fc.constantFrom('', '', '#'),
})
const USUAL: CsvSigns = { delimiter: ',', quote: '"', comment: '' }

function csvScanner(format: CsvSigns, oddities = new Oddities(), skipLines = 0, width?: number): CsvScanner {
  return new CsvScanner({ format, skipLines, width, oddities })
}

function cut(
  text: string,
  scanner: RecordScanner,
  shardBytes: number,
  chunkBytes: number,
  hasHeader = false,
  skipLines = 0,
) {
  const cutter = new Cutter({ scanner, shardBytes, hasHeader, skipLines })
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

/** Every row as an array of its fields. */
function rowsOf(shards: readonly CutShard[], format: CsvSigns): unknown[] {
  const all: CsvFormat = { kind: 'csv', ...format, columns: [] }
  return parse(shards, all).map((record) => (record as { __parsed_extra: string[] }).__parsed_extra)
}

describe('cutting', () => {
  test('SHD1 CSV cut anywhere has the rows that a simple parser finds in the whole', () => {
    fc.assert(
      fc.property(
        uglyText,
        signs,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        (given, format, shardBytes, chunkBytes) => {
          const text = decoder.decode(encoder.encode(given))
          const oddities = new Oddities()
          const { shards, cutter } = cut(text, csvScanner(format, oddities), shardBytes, chunkBytes)
          expect(shards.map(({ bytes }) => decoder.decode(bytes)).join('')).toBe(text)
          const { rows, strayQuotes, blankLines, comments } = referenceRows(text, format)
          expect(rowsOf(shards, format)).toEqual(rows)
          expect(cutter.records).toBe(rows.length)
          expect(shards.reduce((sum, { records }) => sum + records, 0)).toBe(rows.length)
          const counts = new Map(oddities.list().map(({ kind, count }) => [kind, count]))
          expect(counts.get('stray-quote') ?? 0).toBe(strayQuotes)
          expect(counts.get('blank-line') ?? 0).toBe(blankLines)
          expect(counts.get('comment') ?? 0).toBe(comments)
          for (const { bytes } of shards.slice(0, -1))
            expect(bytes.byteLength).toBeGreaterThanOrEqual(shardBytes)
        },
      ),
      { numRuns: 6_000 },
    )
  })

  test('SHD1 a text cut at every size has the same rows', () => {
    const text = [
      'id,name,size\r\n1,"two\nlines",3\r\n2,"Bolt 3" long,7\n3,"open,x\r4,y,"",z',
      '\r\n5,"said ""no"" twice" ,9\n\n6,7" pipe,8\r7,"last \r\n"" one",9\n8,"ends here',
    ].join('')
    const { rows } = referenceRows(text, USUAL)
    expect(rows.length).toBe(9)
    const length = encoder.encode(text).byteLength
    for (let shardBytes = 1; shardBytes <= length; shardBytes++)
      for (const chunkBytes of [1, 3, length])
        expect(rowsOf(cut(text, csvScanner(USUAL), shardBytes, chunkBytes).shards, USUAL)).toEqual(rows)
  })

  test('SHD1 skipped lines and a header line are kept apart, to the byte', () => {
    const format = { delimiter: ',', quote: '"', comment: '#' }
    const text = 'A "report\r\n\n#x\na,b\n1,2\n'
    const { shards, cutter } = cut(text, csvScanner(format, new Oddities(), 2), 1, 1, true, 2)
    expect(decoder.decode(cutter.head)).toBe('A "report\r\n\n#x\na,b\n')
    expect(decoder.decode(cutter.headerLine)).toBe('a,b\n')
    expect(rowsOf(shards, format)).toEqual([['1', '2']])
    const bare = cut(text, csvScanner(format, new Oddities(), 2, 2), 1, 1, false, 2)
    expect(decoder.decode(bare.cutter.head)).toBe('A "report\r\n\n')
    expect(rowsOf(bare.shards, format)).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ])
  })

  test('SHD1 a quote that nothing closes within 8 MiB, or at all, is text and loses no row', () => {
    const rows = 2_200_000
    const oddities = new Oddities()
    const text = `1,"open\n${'2,3\n'.repeat(rows)}4,"x\n`
    const { cutter } = cut(text, csvScanner(USUAL, oddities), 2 ** 20, 2 ** 20)
    expect(cutter.records).toBe(rows + 2)
    expect(oddities.list()).toEqual([{ kind: 'stray-quote', count: 2, lines: [1, rows + 2] }])
  })

  test('SHD1 text that opens quotes without end costs no more than its size', () => {
    const lines = ['"\n', '"""\n', '""\n', '"a"b\n', ',"\n', '"x""\n']
    for (const text of lines.map((line) => line.repeat(200_000))) {
      const { cutter, shards } = cut(text, csvScanner(USUAL), 65_536, 3_000)
      expect(rowsOf(shards, USUAL).length).toBe(cutter.records)
    }
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
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 64 }),
        (rows, newline, shardBytes) => {
          const text = Papa.unparse([['one', 'two', 'three'], ...rows], { newline })
          const { shards, cutter } = cut(text, csvScanner(USUAL), shardBytes, 7, true)
          expect(decoder.decode(cutter.head).trim()).toBe('one,two,three')
          const format = { kind: 'csv', delimiter: ',', columns: ['one', 'two', 'three'] } as const
          const whole = Papa.parse(text, { header: true, delimiter: ',', newline, skipEmptyLines: true })
          expect(parse(shards, format)).toEqual(whole.data)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('SHD1 lines of text are cut behind their line ends, blank ones count', () => {
    const text = 'a\r\n\n  \nlast'
    expect(cut('a\rb\r\nc\n\rd', new LineScanner(), 1, 1).cutter.records).toBe(5)
    const { shards, cutter } = cut(text, new LineScanner(), 2, 3)
    expect(parse(shards, { kind: 'text' })).toEqual(['a', '', '  ', 'last'])
    expect(cutter.records).toBe(4)
    expect(cut('a\n', new LineScanner(), 1, 1).cutter.records).toBe(1)
  })

  test('SHD1 NDJSON skips lines of white space', () => {
    const text = '{"a":1}\n\n \t\r\n[2]\n"x"'
    const { shards, cutter } = cut(text, new LineScanner(new Oddities()), 1, 2)
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
      scanner: new LineScanner(),
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
      scanner: new LineScanner(),
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
