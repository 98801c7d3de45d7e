import { concatBytes } from '../base/index.ts'
import { CsvScanner } from './csv-scanner.ts'
import type { CutShard } from './cutter.ts'
import { Cutter } from './cutter.ts'
import type { ColumnType, DatasetFormat } from './dataset.ts'
import { createTextStream, detectEncoding, type Encoding } from './encoding.ts'
import { DataError } from './errors.ts'
import { type Dialect, detectDialect, type FormatKind, formatOf } from './format.ts'
import { LineScanner, type RecordScanner } from './line-scanner.ts'
import { recordBatches } from './records.ts'

/** What encoding and format are guessed from. */
const HEAD_BYTES = 64 * 1024

export interface OpenOptions {
  readonly name: string
  readonly kind?: FormatKind | undefined
  readonly schema?: Readonly<Record<string, ColumnType>> | undefined
  readonly shardBytes: number
}

/**
 * A file while it is cut: bytes in, checked text in shards out. Throws DataErrors `empty`, `not-text`,
 * `record-too-large`, `bad-record`, `bad-option`.
 */
export class OpenedSource {
  readonly #options: OpenOptions
  #head: Uint8Array[] = []
  #headBytes = 0
  #text: ReturnType<typeof createTextStream> | undefined
  #cutter: Cutter | undefined
  #dialect: Dialect | undefined
  #format: DatasetFormat | undefined
  #checkedRecords = 0
  encoding: Encoding = 'utf-8'

  constructor(options: OpenOptions) {
    this.#options = options
  }

  /** Known at the latest when the first shard is, or the end. */
  get format(): DatasetFormat | undefined {
    return this.#format
  }

  get records(): number {
    return this.#cutter?.records ?? 0
  }

  get header(): string | undefined {
    const bytes = this.#cutter?.header
    return bytes && new TextDecoder().decode(bytes)
  }

  /** The shards that these bytes complete. */
  push(chunk: Uint8Array): readonly CutShard[] {
    if (this.#cutter) return this.#cut(chunk)
    this.#head.push(chunk)
    this.#headBytes += chunk.byteLength
    return this.#headBytes < HEAD_BYTES ? [] : this.#begin()
  }

  /** The rest. */
  finish(): readonly CutShard[] {
    const begun = this.#cutter ? [] : this.#begin()
    this.#text?.finish()
    const rest = this.#cutter?.finish() ?? []
    this.#learnFormat()
    this.#check(rest)
    if (this.records === 0) throw this.#empty()
    return [...begun, ...rest]
  }

  #begin(): readonly CutShard[] {
    const head = concatBytes(this.#head)
    this.#head = []
    this.encoding = detectEncoding(head)
    this.#text = createTextStream(this.encoding)
    const bytes = this.#text.push(head)
    const start = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES), { stream: true })
    this.#dialect = detectDialect(this.#options.name, start, this.#options.kind)
    this.#cutter = new Cutter({
      scanner: scannerOf(this.#dialect),
      shardBytes: this.#options.shardBytes,
      hasHeader: this.#dialect.kind === 'csv',
    })
    return this.#pass(bytes)
  }

  #cut(chunk: Uint8Array): readonly CutShard[] {
    return this.#pass(this.#text?.push(chunk) ?? chunk)
  }

  #pass(bytes: Uint8Array): readonly CutShard[] {
    const shards = this.#cutter?.push(bytes) ?? []
    this.#learnFormat()
    this.#check(shards)
    return shards
  }

  #learnFormat(): void {
    if (this.#format || !this.#dialect) return
    const { header } = this
    if (this.#dialect.kind === 'csv' && header === undefined) return
    this.#format = formatOf(this.#dialect, header, this.#options.schema)
  }

  /** A line that is no JSON would fail every job: it is named now. */
  #check(shards: readonly CutShard[]): void {
    if (this.#format?.kind !== 'ndjson') return
    for (const { bytes } of shards) {
      let seen = 0
      try {
        for (const line of recordBatches(bytes, { kind: 'text' })) {
          for (const text of line as readonly string[]) {
            if (text.trim() === '') continue
            seen++
            JSON.parse(text)
          }
        }
      } catch (cause) {
        const message = `record ${this.#checkedRecords + seen} is no JSON: mend it, or add the file as text`
        throw new DataError('bad-record', message, { cause })
      }
      this.#checkedRecords += seen
    }
  }

  #empty(): DataError {
    const message =
      this.header === undefined ? 'the file is empty' : 'the file has a header line and no records'
    return new DataError('empty', message)
  }
}

function scannerOf(dialect: Dialect): RecordScanner {
  if (dialect.kind === 'csv') return new CsvScanner(dialect)
  return new LineScanner({ skipsBlank: dialect.kind === 'ndjson' })
}
