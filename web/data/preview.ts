import { OptionError, option } from '../base/index.ts'
import type { ColumnType, DatasetFormat, Preview, ReadOptions } from './dataset.ts'
import { DataError } from './errors.ts'
import { MAX_SHARD_BYTES, PREVIEW_RECORDS } from './limits.ts'
import { OpenedSource } from './opened-source.ts'
import { checkReadOptions, READ_OPTIONS } from './read-options.ts'
import { recordBatches, typedField } from './records.ts'
import { readSource } from './source.ts'

/** A piece is enough unless its records are very large. */
const PREVIEW_SHARD_BYTES = 256 * 1024

/** Reads until the first records are whole, then stops. Rejects with the DataErrors of an add. */
export async function previewSource(name: string, source: Blob, options: ReadOptions = {}): Promise<Preview> {
  if (!(source instanceof Blob)) throw new OptionError('source', source, 'is a File or a Blob')
  option.names('preview', options, READ_OPTIONS)
  checkReadOptions(options)
  const opened = new OpenedSource({ ...options, name, shardBytes: PREVIEW_SHARD_BYTES })
  const head = source.size > MAX_SHARD_BYTES * 2 ? source.slice(0, MAX_SHARD_BYTES * 2) : source
  let shard: Uint8Array | undefined
  for await (const chunk of readSource(head, new AbortController().signal)) {
    shard = opened.push(chunk)[0]?.bytes
    if (shard) break
  }
  shard ??= opened.finish()[0]?.bytes
  const { format, encoding, odd, notes } = opened
  if (!format) throw new DataError('empty', 'the file is empty')
  const records = shard ? firstRecords(shard, format) : []
  return { format, encoding, records, suggestedSchema: suggestSchema(records, format), odd, notes }
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
