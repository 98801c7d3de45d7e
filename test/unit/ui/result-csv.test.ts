import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { resultCsv } from '../../../web/ui/compute/result-csv.ts'

const rowsOf = (csv: string) => Papa.parse<string[]>(csv.trimEnd()).data.slice(1)

describe('a result as CSV', () => {
  const FORMULAS = [
    '=1+2',
    '=HYPERLINK("http://evil.example","x")',
    '+1',
    '-1+cmd|" /C calc"!A0',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    ' =1',
    '\n=1',
    '＝1',
    '\u00a0=1',
  ]

  test.each(FORMULAS)('UI22 %j is no formula in a spreadsheet, as key and as value', (formula) => {
    expect(rowsOf(resultCsv([[formula, formula]], true))).toEqual([[`'${formula}`, `'${formula}`]])
  })

  test('UI22 numbers, and text that no spreadsheet runs, stay as they are', () => {
    const pairs = [
      [-5, -1.5],
      ['a=b', 'x-y'],
      ["'x", 10n],
    ]
    expect(rowsOf(resultCsv(pairs, true))).toEqual(pairs.map((pair) => pair.map(String)))
  })

  test('UI22 the exact text is there for whoever asks', () => {
    const pairs = FORMULAS.map((formula) => [formula, 'say "no", twice\r\n'])
    expect(rowsOf(resultCsv(pairs, false))).toEqual(pairs)
  })
})
