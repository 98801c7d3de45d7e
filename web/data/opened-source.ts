import { concatBytes } from '../base/index.ts'
import { CsvScanner } from './csv-scanner.ts'
import type { CutShard } from './cutter.ts'
import { Cutter } from './cutter.ts'
import type { DatasetFormat, ReadOptions } from './dataset.ts'
import { createTextStream, detectEncoding, type Encoding, notUtf8Lines } from './encoding.ts'
import { DataError } from './errors.ts'
import { type Dialect, detectDialect, formatOf } from './format.ts'
import { isBlankLine, type JsonChanges, jsonValue } from './json-value.ts'
import { JsonValues } from './json-values.ts'
import { MAX_HEADER_BYTES } from './limits.ts'
import { LineScanner } from './line-scanner.ts'
import { Oddities, type Oddity, oddityText } from './oddities.ts'
import type { RecordScanner } from './record-scanner.ts'
import { extraKeyOf, newJsonLines } from './records.ts'

/** What encoding and format are guessed from: this much, and the first lines whole unless they are very long. */
const HEAD_BYTES = 64 * 1024
const HEAD_LINES = 3
const LINE_FEED = 10
const CARRIAGE_RETURN = 13

export interface OpenOptions extends ReadOptions {
  readonly name: string
  readonly shardBytes: number
}

/**
 * A file while it is cut: bytes in, checked text in shards out. Throws DataErrors `empty`, `not-text`,
 * `record-too-large`, `bad-record`, `bad-option`.
 */
export class OpenedSource {
  readonly #options: OpenOptions
  readonly #oddities = new Oddities()
  #headChunks: Uint8Array[] = []
  #headBytes = 0
  #headLines = 0
  #text: ReturnType<typeof createTextStream> | undefined
  #values: JsonValues | undefined
  #cutter: Cutter | undefined
  #dialect: Dialect | undefined
  #format: DatasetFormat | undefined
  #checkedRecords = 0
  #checkedLines = 0
  #checkedBytes = 0
  #isExact = true
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

  /** Of CSV: what is in front of the first record. */
  get header(): string | undefined {
    const bytes = this.#dialect?.kind === 'csv' ? this.#cutter?.head : undefined
    return bytes && new TextDecoder().decode(bytes)
  }

  get odd(): readonly Oddity[] {
    return this.#oddities.list()
  }

  /** What is unusual, and what is converted, in words. */
  get notes(): readonly string[] {
    const extraKey = extraKeyOf(this.#format?.kind === 'csv' ? this.#format.columns : [])
    return [
      ...(this.encoding === 'utf-8'
        ? []
        : [`The file is ${shownName(this.encoding)}; it will be stored as UTF-8.`]),
      ...(this.#values ? ['The file will be stored with one JSON value a line.'] : []),
      ...this.odd.map((one) => oddityText(one, extraKey)),
    ]
  }

  /** The shards that these bytes complete. */
  push(chunk: Uint8Array): readonly CutShard[] {
    if (this.#cutter) return this.#pass(this.#text?.push(chunk) ?? chunk)
    this.#headChunks.push(chunk)
    this.#headBytes += chunk.byteLength
    for (const byte of chunk) if (byte === LINE_FEED || byte === CARRIAGE_RETURN) this.#headLines++
    return this.#isHeadEnough() ? this.#begin(false) : []
  }

  /** The rest. */
  finish(): readonly CutShard[] {
    const begun = this.#cutter ? [] : this.#begin(true)
    this.#text?.finish()
    this.#values?.finish()
    const rest = this.#cutter?.finish() ?? []
    this.#learnFormat()
    this.#check(rest)
    if (this.#format?.kind === 'ndjson' && this.#isExact) this.#format = { kind: 'ndjson', exact: true }
    if (this.records === 0 && !this.#isOfNoRows) throw new DataError('empty', 'the file is empty')
    return [...begun, ...rest]
  }

  /** A header line, or an empty JSON array, is a dataset that has no rows yet. */
  get #isOfNoRows(): boolean {
    return this.#cutter?.headerLine !== undefined || this.#values?.isEmptyArray === true
  }

  #isHeadEnough(): boolean {
    if (this.#headBytes < HEAD_BYTES) return false
    if (this.#headBytes > MAX_HEADER_BYTES) return true
    return this.#headLines >= HEAD_LINES
  }

  #begin(isWhole: boolean): readonly CutShard[] {
    const chunks = concatBytes(this.#headChunks)
    this.#headChunks = []
    this.encoding = detectEncoding(chunks, this.#options.encoding)
    this.#text = createTextStream(this.encoding, () => this.#linesSeen())
    const bytes = this.#text.push(chunks)
    const text = new TextDecoder().decode(bytes, { stream: true })
    const looked = beginningOf(text)
    const head = { name: this.#options.name, text: looked, isWhole: isWhole && looked === text }
    this.#dialect = detectDialect(head, this.#options)
    if (this.#dialect.kind === 'ndjson' && this.#dialect.layout === 'values') this.#values = new JsonValues()
    else if (this.#dialect.kind === 'ndjson') this.#text.leaveCheck()
    this.#cutter = new Cutter({
      scanner: this.#scannerOf(this.#dialect),
      shardBytes: this.#options.shardBytes,
      hasHeader: this.#dialect.kind === 'csv' && this.#dialect.hasHeader,
      skipLines: this.#dialect.kind === 'csv' ? this.#dialect.skipLines : 0,
    })
    return this.#pass(bytes)
  }

  /** Undefined where the lines that are cut are not those of the file. */
  #linesSeen(): number | undefined {
    return this.#values ? undefined : (this.#cutter?.lines ?? 0)
  }

  #scannerOf(dialect: Dialect): RecordScanner {
    const oddities = this.#oddities
    if (dialect.kind === 'text') return new LineScanner()
    if (dialect.kind === 'ndjson') return new LineScanner(oddities)
    const { skipLines, hasHeader } = dialect
    return new CsvScanner({
      format: dialect,
      skipLines,
      width: hasHeader ? undefined : dialect.width,
      oddities,
    })
  }

  #pass(bytes: Uint8Array): readonly CutShard[] {
    const shards = this.#cutter?.push(this.#values?.push(bytes) ?? bytes) ?? []
    this.#learnFormat()
    this.#check(shards)
    return shards
  }

  #learnFormat(): void {
    const cutter = this.#cutter
    if (this.#format || !this.#dialect || !cutter) return
    const { headerLine } = cutter
    if (this.#dialect.kind === 'csv' && this.#dialect.hasHeader && headerLine === undefined) return
    const line = headerLine && new TextDecoder().decode(headerLine)
    this.#format = formatOf(this.#dialect, line, this.#options.schema)
  }

  /** A line that is no JSON would fail every job: it is named now. */
  #check(shards: readonly CutShard[]): void {
    if (this.#format?.kind !== 'ndjson') return
    for (const { bytes } of shards) {
      const linesBefore = this.#checkedLines
      try {
        for (const { lines, mayLose } of newJsonLines(bytes))
          for (const line of lines) this.#checkLine(line, mayLose)
      } catch (error) {
        if (error instanceof DataError) throw error
        const position = (this.#text?.markBytes ?? 0) + this.#checkedBytes
        throw notUtf8Lines(bytes, position, linesBefore)
      }
      this.#checkedBytes += bytes.byteLength
    }
  }

  #checkLine(line: string, mayLose: boolean): void {
    this.#checkedLines++
    if (isBlankLine(line)) return
    this.#checkedRecords++
    try {
      if (mayLose) this.#noteChanges(line)
      else JSON.parse(line)
    } catch (cause) {
      const where = this.#values ? '' : ` (line ${this.#checkedLines})`
      const message = `record ${this.#checkedRecords}${where} is no JSON: mend it, or add the file as text`
      throw new DataError('bad-record', message, { cause })
    }
  }

  #noteChanges(line: string): void {
    const changes: JsonChanges = { numbers: 0, characters: 0 }
    jsonValue(line, changes)
    if (changes.numbers > 0) this.#oddities.note('number-as-text', this.#checkedLines)
    if (changes.characters > 0) this.#oddities.note('replaced-character', this.#checkedLines)
    this.#isExact &&= changes.numbers + changes.characters === 0
  }
}

function shownName(encoding: Encoding): string {
  return encoding.startsWith('utf-16') ? 'UTF-16' : encoding
}

/** What is guessed from, which is read several times: the first 64 KiB, or what a header may have where they have too few lines. */
function beginningOf(text: string): string {
  const beginning = text.slice(0, HEAD_BYTES)
  return beginning.split(/\r\n|\r|\n/).length > HEAD_LINES ? beginning : text.slice(0, MAX_HEADER_BYTES)
}
