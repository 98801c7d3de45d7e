import type { AddOptions, ColumnType, DatasetFormat, Preview } from './dataset.ts'
import { DataError } from './errors.ts'
import { MAX_SHARD_BYTES, PREVIEW_RECORDS } from './limits.ts'
import { OpenedSource } from './opened-source.ts'
import { recordBatches, typedField } from './records.ts'
import { readSource } from './source.ts'

/** A piece is enough unless its records are very large. */
const PREVIEW_SHARD_BYTES = 256 * 1024

/** Reads until the first records are whole, then stops. Rejects with the DataErrors of an add. */
export async function previewSource(
  name: string,
  source: Blob,
  options: Pick<AddOptions, 'format' | 'schema'> = {},
): Promise<Preview> {
  const { format: kind, schema } = options
  const opened = new OpenedSource({ name, kind, schema, shardBytes: PREVIEW_SHARD_BYTES })
  const head = source.size > MAX_SHARD_BYTES * 2 ? source.slice(0, MAX_SHARD_BYTES * 2) : source
  let shard: Uint8Array | undefined
  for await (const chunk of readSource(head, new AbortController().signal)) {
    shard = opened.push(chunk)[0]?.bytes
    if (shard) break
  }
  shard ??= opened.finish()[0]?.bytes
  const { format } = opened
  if (!shard || !format) throw new DataError('empty', 'the file is empty')
  const records = firstRecords(shard, format)
  return {
    format,
    encoding: opened.encoding,
    records,
    suggestedSchema: suggestSchema(records, format),
    notes: notesOf(records, format, opened.encoding),
  }
}

function firstRecords(bytes: Uint8Array, format: DatasetFormat): readonly unknown[] {
  const records: unknown[] = []
  for (const batch of recordBatches(bytes, format)) {
    records.push(...batch)
    if (records.length >= PREVIEW_RECORDS) break
  }
  return records.slice(0, PREVIEW_RECORDS)
}

function suggestSchema(records: readonly unknown[], format: DatasetFormat): Record<string, ColumnType> {
  if (format.kind !== 'csv') return {}
  const suggested: [string, ColumnType][] = []
  for (const column of format.columns) {
    const fields = records.map((record) => (record as Record<string, unknown>)[column])
    const texts = fields.filter((field): field is string => typeof field === 'string' && field !== '')
    if (texts.length === 0) continue
    if (texts.every((text) => typeof typedField(text, 'boolean') === 'boolean'))
      suggested.push([column, 'boolean'])
    else if (texts.every(isPlainNumber)) suggested.push([column, 'number'])
  }
  return Object.fromEntries(suggested)
}

/** Leading zeros and plus signs mean a code, such as a postcode or a telephone number. */
function isPlainNumber(text: string): boolean {
  return typeof typedField(text, 'number') === 'number' && !/^\s*(\+|-?0\d)/.test(text)
}

function notesOf(records: readonly unknown[], format: DatasetFormat, encoding: string): string[] {
  const notes: string[] = []
  if (encoding !== 'utf-8') notes.push('The file is UTF-16; it will be stored as UTF-8.')
  if (format.kind !== 'csv') return notes
  const rows = records as readonly Record<string, unknown>[]
  const long = rows.filter((row) => '__parsed_extra' in row).length
  const short = rows.filter((row) => Object.keys(row).length < format.columns.length).length
  if (long > 0)
    notes.push(
      `${long} of the first ${rows.length} rows have more fields than the header: the rest is in __parsed_extra.`,
    )
  if (short > 0)
    notes.push(
      `${short} of the first ${rows.length} rows have fewer fields than the header: the last columns are missing there.`,
    )
  return notes
}
