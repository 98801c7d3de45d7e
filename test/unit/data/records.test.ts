import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { csvRows } from '../../../web/data/csv-rows.ts'
import type { DatasetFormat } from '../../../web/data/index.ts'
import { recordBatches } from '../../../web/data/records.ts'

const COLUMNS = ['a', 'b', 'c']
const TEXT: DatasetFormat = { kind: 'text' }
/** More than what is parsed at once. */
const LONG = 'x'.repeat(70_000)

function read(text: string, format: DatasetFormat): unknown[] {
  return [...recordBatches(new TextEncoder().encode(text), format)].flat()
}

const CSV: DatasetFormat = { kind: 'csv', delimiter: ',', columns: COLUMNS }

/** What papaparse makes of the whole text at once. */
function parsedWhole(text: string, newline: '\n' | '\r\n' | '\r'): unknown[] {
  const { data } = Papa.parse<string[]>(text, { delimiter: ',', newline })
  return data
    .filter((row) => row.length > 1 || row[0] !== '')
    .map((row) => {
      const extra = row.slice(COLUMNS.length)
      const fields = COLUMNS.slice(0, row.length).map((column, at) => [column, row[at]])
      return { ...Object.fromEntries(fields), ...(extra.length > 0 ? { __parsed_extra: extra } : {}) }
    })
}

test('SHD2 rows without quotes come in batches too, so that who needs few looks at few', () => {
  const batches = [...csvRows('a,b\n'.repeat(5_000), { delimiter: ',' })]
  expect(batches.map((rows) => rows.length)).toEqual([1_024, 1_024, 1_024, 1_024, 904])
})

describe('records of a shard that is parsed piece by piece', () => {
  for (const newline of ['\n', '\r\n', '\r'] as const) {
    test(`SHD1: CSV with ${JSON.stringify(newline)} is what the parser makes of the whole`, () => {
      const row = fc.array(fc.stringMatching(/^[a-zé😀 ]{0,6}$/u), { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(fc.array(row, { maxLength: 20 }), fc.nat(3), (rows, at) => {
          const lines = rows.map((fields) => fields.join(','))
          lines.splice(at, 0, LONG, `${LONG},é`)
          const text = lines.join(newline)
          expect(read(text, CSV)).toEqual(parsedWhole(text, newline))
        }),
        { numRuns: 40 },
      )
    })
  }

  test('SHD1: each kind of line end ends a row, in one file too', () => {
    expect(read(`\n${LONG}\r\n1,2\r3\n\r4`, CSV)).toEqual([
      { a: LONG },
      { a: '1', b: '2' },
      { a: '3' },
      { a: '4' },
    ])
  })

  test('SHD1: a line end within quotes is the field’s, however far from the quote', () => {
    const text = `1,"${LONG}\n${LONG}"\n2,b\n`
    expect(read(text, CSV)).toEqual([
      { a: '1', b: `${LONG}\n${LONG}` },
      { a: '2', b: 'b' },
    ])
  })

  test('SHD1: lines and values of any length, whole at every border', () => {
    const lines = Array.from({ length: 4000 }, (_, n) => `${n} ${'é'.repeat(n % 50)}`)
    lines.splice(100, 0, LONG, LONG)
    expect(read(lines.join('\n'), TEXT)).toEqual(lines)
    expect(read(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(''), { kind: 'ndjson' })).toEqual(
      lines,
    )
  })
})
