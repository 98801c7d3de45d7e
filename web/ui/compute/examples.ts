import type { DatasetFormat } from '../../data/index.ts'
import { valueText } from '../value-text.ts'
import type { JobDraft } from './drafts.ts'

export interface Example extends JobDraft {
  readonly title: string
}

const SUM = `(key, values) => values.reduce((a, b) => a + b, 0)`
const MERGE = `(key, values) => ({
  sum: values.reduce((total, value) => total + value.sum, 0),
  count: values.reduce((total, value) => total + value.count, 0),
})`
const AVERAGE = `(key, values) => {
  const sum = values.reduce((total, value) => total + value.sum, 0)
  const count = values.reduce((total, value) => total + value.count, 0)
  return sum / count
}`

/** Three worked examples that fit the records: they run as they stand. */
export function examplesFor(format: DatasetFormat, records: readonly unknown[]): readonly Example[] {
  const rows = records.filter(isPlainObject)
  if (format.kind === 'text' || rows.length === 0)
    return [wordCount('record'), byLength('record'), firstWord('record')]
  const columns =
    format.kind === 'csv' ? format.columns : [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const group = groupColumn(columns, rows)
  const number = numberColumn(columns, rows, group)
  if (number === undefined)
    return [countBy(group), wordCount(`String(${access(group)})`), byLength(`String(${access(group)})`)]
  return [countBy(group), averageBy(number, group), ranges(number, rows)]
}

function countBy(column: string): Example {
  return {
    title: `Count by ${column}`,
    map: `(record, ctx) => {\n  ctx.emit(${access(column)}, 1)\n}`,
    combine: SUM,
    reduce: SUM,
  }
}

function averageBy(number: string, group: string): Example {
  const map = `(record, ctx) => {
  const value = Number(${access(number)})
  if (Number.isFinite(value)) ctx.emit(${access(group)}, { sum: value, count: 1 })
  else ctx.count('not a number')
}`
  return { title: `Average ${number} by ${group}`, map, combine: MERGE, reduce: AVERAGE }
}

/** Ten ranges over what the first records span. */
function ranges(number: string, rows: readonly Record<string, unknown>[]): Example {
  const values = rows.map((row) => Number(row[number])).filter(Number.isFinite)
  const step = niceStep((Math.max(...values) - Math.min(...values)) / 10)
  const map = `(record, ctx) => {
  const value = Number(${access(number)})
  if (Number.isFinite(value)) ctx.emit(Math.floor(value / ${step}) * ${step}, 1)
}`
  return { title: `Spread of ${number}`, map, combine: SUM, reduce: SUM }
}

function wordCount(source: string): Example {
  const map = `(record, ctx) => {
  for (const word of ${source}.toLowerCase().match(/\\p{L}+/gu) ?? []) {
    ctx.emit(word, 1)
  }
}`
  return { title: 'Word count', map, combine: SUM, reduce: SUM }
}

function byLength(source: string): Example {
  return {
    title: 'Length in tens',
    map: `(record, ctx) => {\n  ctx.emit(Math.floor(${source}.length / 10) * 10, 1)\n}`,
    combine: SUM,
    reduce: SUM,
  }
}

function firstWord(source: string): Example {
  return {
    title: 'Count by first word',
    map: `(record, ctx) => {\n  ctx.emit(${source}.split(' ', 1)[0], 1)\n}`,
    combine: SUM,
    reduce: SUM,
  }
}

/** The column with the fewest different values, words before numbers, and none that is the same everywhere. */
function groupColumn(columns: readonly string[], rows: readonly Record<string, unknown>[]): string {
  const ranked = columns
    .map((column) => ({
      column,
      distinct: new Set(rows.map((row) => valueText(row[column]))).size,
      isNumber: isNumeric(column, rows),
    }))
    .sort(
      (a, b) =>
        Number(a.distinct < 2) - Number(b.distinct < 2) ||
        Number(a.isNumber) - Number(b.isNumber) ||
        a.distinct - b.distinct,
    )
  return ranked[0]?.column ?? columns[0] ?? 'key'
}

/** The last column of numbers that is not an id counting up. */
function numberColumn(
  columns: readonly string[],
  rows: readonly Record<string, unknown>[],
  group: string,
): string | undefined {
  const numeric = columns.filter((column) => column !== group && isNumeric(column, rows))
  const words = /(^|_)(id|code|zip|year|index)($|_)|id$|code$/i
  return numeric.find((column) => !words.test(column)) ?? numeric[0]
}

function isNumeric(column: string, rows: readonly Record<string, unknown>[]): boolean {
  const filled = rows
    .map((row) => row[column])
    .filter((value) => value !== '' && value !== undefined && value !== null)
  return (
    filled.length > 0 &&
    filled.every(
      (value) => typeof value !== 'boolean' && typeof value !== 'object' && Number.isFinite(Number(value)),
    )
  )
}

function niceStep(raw: number): number {
  if (!(raw > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10
  return Number((step * power).toPrecision(3))
}

function access(column: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(column) ? `record.${column}` : `record[${JSON.stringify(column)}]`
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
