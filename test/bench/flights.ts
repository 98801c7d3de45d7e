import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const SOURCE = new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url)
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/tabmesh-bench', import.meta.url))
const ROWS_AT_ONCE = 100_000

/** The path of a CSV of three million flights, about 85 MB, made on the first call. */
export async function flightsCsv(): Promise<string> {
  const path = `${FOLDER}/flights-3m.csv`
  if (existsSync(path)) return path
  mkdirSync(FOLDER, { recursive: true })
  const bytes = readFileSync(SOURCE)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const rows = await parquetReadObjects({ file, compressors })
  const out = createWriteStream(`${path}.part`)
  const columns = Object.keys(rows[0] ?? {})
  out.write(`${columns.join(',')}\n`)
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    const text = rows
      .slice(at, at + ROWS_AT_ONCE)
      .map((row) => columns.map((column) => fieldText(row[column])).join(','))
    if (!out.write(`${text.join('\n')}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
  renameSync(`${path}.part`, path)
  return path
}

/** Of the kinds in this file: strings without commas, numbers, instants (as 200101310805). */
function fieldText(value: unknown): string {
  return value instanceof Date ? value.toISOString().slice(0, 16).replace(/\D/g, '') : String(value ?? '')
}
