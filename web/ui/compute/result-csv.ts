import { jsonText } from '../value-text.ts'

/**
 * What a spreadsheet may take for a formula, by its first character: in Excel, LibreOffice and Google Sheets, with the wide
 * forms that East Asian versions accept. White space in front of it is skipped by some.
 */
const FORMULA = /^[\s\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/u

/**
 * Pairs as CSV. `isSafe`: text that a spreadsheet could run gets an apostrophe in front, which shows it as text; numbers never
 * do. Otherwise every text is exactly as the job gave it.
 */
export function resultCsv(pairs: readonly (readonly unknown[])[], isSafe: boolean): string {
  const lines = pairs.map((pair) => pair.map((value) => csvField(value, isSafe)).join(','))
  return ['key,value', ...lines, ''].join('\r\n')
}

function csvField(value: unknown, isSafe: boolean): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  const text = typeof value === 'object' ? jsonText(value) : String(value ?? '')
  const field = isSafe && FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
