import { entriesOf, OptionError, option } from '../base/index.ts'
import type { ReadOptions } from './dataset.ts'
import { encodingOf } from './encoding.ts'
import { MAX_COLUMNS, MAX_SKIPPED_LINES } from './limits.ts'
import { areAmbiguous, isSign } from './messages.ts'

const OF_CSV = ['delimiter', 'quote', 'header', 'skipLines', 'comment'] as const
export const READ_OPTIONS = ['format', 'encoding', 'schema', ...OF_CSV] as const

/** Throws an OptionError, which names the option and what it must be. */
export function checkReadOptions(options: ReadOptions): void {
  const { format, encoding, schema, delimiter, quote, header, skipLines, comment } = options
  if (format !== undefined) option.oneOf('format', format, ['csv', 'ndjson', 'text'])
  if (encoding !== undefined && encodingOf(encoding) === undefined)
    throw new OptionError('encoding', encoding, 'is a label that TextDecoder takes, such as windows-1252')
  if (schema !== undefined) checkSchema(schema)
  if (delimiter !== undefined && !isSign(delimiter))
    throw new OptionError('delimiter', delimiter, 'is one ASCII character')
  if (quote !== undefined && quote !== '' && !isSign(quote))
    throw new OptionError('quote', quote, 'is one ASCII character, or empty for no quoting')
  if (comment !== undefined && comment !== '' && !isSign(comment))
    throw new OptionError('comment', comment, 'is one ASCII character, or empty for no comments')
  if (header !== undefined) option.boolean('header', header)
  if (skipLines !== undefined) option.count('skipLines', skipLines, { most: MAX_SKIPPED_LINES })
  checkTogether(options)
}

function checkSchema(schema: unknown): void {
  const entries = entriesOf(schema, MAX_COLUMNS)
  if (!entries)
    throw new OptionError(
      'schema',
      schema,
      `is an object: a type for each column that it names, ${MAX_COLUMNS} at most`,
    )
  for (const [column, type] of entries)
    option.oneOf(`schema["${cutName(column)}"]`, type, ['string', 'number', 'boolean'])
}

function cutName(name: string): string {
  return name.slice(0, 40).toWellFormed()
}

function checkTogether(options: ReadOptions): void {
  const { format, delimiter, quote, comment } = options
  if (areAmbiguous(delimiter, quote, comment))
    throw new OptionError('delimiter', delimiter, 'is another character than quote and comment')
  const ofCsv = OF_CSV.find((name) => options[name] !== undefined)
  if (format !== undefined && format !== 'csv' && ofCsv !== undefined)
    throw new OptionError(
      ofCsv,
      options[ofCsv],
      `is an option of CSV, and format says ${format}: leave it out`,
    )
}

/** An option that only CSV has says that the file is CSV. */
export function namesCsv(options: ReadOptions): boolean {
  return OF_CSV.some((name) => options[name] !== undefined)
}
