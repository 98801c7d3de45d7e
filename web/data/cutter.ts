import { concatBytes } from '../base/index.ts'
import { ByteCodes, countLineEnds } from './codes.ts'
import { DataError } from './errors.ts'
import { MAX_HEADER_BYTES, MAX_SHARD_BYTES } from './limits.ts'
import type { RecordScanner } from './record-scanner.ts'

export interface CutShard {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly records: number
}

export interface CutterOptions {
  readonly scanner: RecordScanner
  /** A shard ends with the record that reaches this. */
  readonly shardBytes: number
  /** The first record is kept apart, with what is in front of it. */
  readonly hasHeader: boolean
  /** Lines at the beginning that are kept apart too. Default: none. */
  readonly skipLines?: number
}

/** Cuts a stream of bytes into shards on record ends. Holds one shard and one chunk at most, whatever the file's size. */
export class Cutter {
  readonly #options: CutterOptions
  readonly #chunks: { readonly start: number; readonly bytes: Uint8Array }[] = []
  /** What the scanner has not been through: from the beginning of a record on. */
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  /** It looks again when there is twice of what was not enough, so that a large record costs no more than its size. */
  #enoughBytes = 0
  /** Positions in the stream. */
  #shardStart = 0
  #recordStart = 0
  #end = 0
  #shardRecords = 0
  #skipped = 0
  #cut: CutShard[] = []
  #head: Uint8Array<ArrayBuffer> | undefined
  /** The header line alone. */
  headerLine: Uint8Array<ArrayBuffer> | undefined
  /** So far, the header left out. */
  records = 0

  constructor(options: CutterOptions) {
    this.#options = options
  }

  /** Skipped lines and the header line, with what is in front of it. Undefined until all of it has been read. */
  get head(): Uint8Array<ArrayBuffer> | undefined {
    return this.#head
  }

  /** Line ends in all that was pushed. */
  get lines(): number {
    const rest = concatBytes(this.#unread)
    return this.#options.scanner.lines + countLineEnds(new ByteCodes(rest), 0, rest.byteLength)
  }

  /** The shards that this chunk completes. The chunk must not change afterwards. Throws `record-too-large`. */
  push(chunk: Uint8Array): readonly CutShard[] {
    this.#chunks.push({ start: this.#end, bytes: chunk })
    this.#end += chunk.byteLength
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    if (this.#unreadBytes >= this.#enoughBytes || this.#unreadBytes > MAX_SHARD_BYTES) this.#scan(false)
    if (this.#end - this.#recordStart > MAX_SHARD_BYTES) throw this.#tooLarge()
    return this.#takeCut()
  }

  /** The last shard, if there is one. */
  finish(): readonly CutShard[] {
    this.#scan(true)
    if (this.#isInHead && !this.#options.hasHeader) this.#endHead()
    if (this.#recordStart > this.#shardStart && !this.#isInHead) this.#cutShard()
    return this.#takeCut()
  }

  get #isInHead(): boolean {
    return this.#head === undefined
  }

  #scan(isLast: boolean): void {
    const { scanner, skipLines = 0, hasHeader } = this.#options
    if (this.#isInHead && !hasHeader && this.#skipped >= skipLines) this.#endHead()
    const bytes = this.#unread.length === 1 ? (this.#unread[0] as Uint8Array) : concatBytes(this.#unread)
    const base = this.#end - bytes.byteLength
    let at = 0
    while (at < bytes.byteLength) {
      const end = scanner.next(bytes, at, isLast)
      if (end === -1) break
      at = end
      this.#onRecord(base + end, scanner.isRecord)
    }
    const rest = bytes.subarray(at)
    this.#unread = rest.byteLength > 0 ? [rest] : []
    this.#unreadBytes = rest.byteLength
    this.#enoughBytes = rest.byteLength * 2
  }

  #onRecord(end: number, isRecord: boolean): void {
    if (this.#isInHead) {
      this.#onHead(end, isRecord)
      return
    }
    if (end - this.#recordStart > MAX_SHARD_BYTES) throw this.#tooLarge()
    if (end - this.#shardStart > MAX_SHARD_BYTES && this.#recordStart > this.#shardStart) this.#cutShard()
    this.#recordStart = end
    if (isRecord) {
      this.#shardRecords++
      this.records++
    }
    if (end - this.#shardStart >= this.#options.shardBytes) this.#cutShard()
  }

  #onHead(end: number, isRecord: boolean): void {
    const { hasHeader, skipLines = 0 } = this.#options
    if (end > MAX_HEADER_BYTES) throw this.#tooLarge()
    this.#skipped++
    if (isRecord) this.headerLine = this.#copy(this.#recordStart, end)
    this.#recordStart = end
    if (isRecord || (!hasHeader && this.#skipped >= skipLines)) this.#endHead()
  }

  #endHead(): void {
    this.#head = this.#copy(0, this.#recordStart)
    this.#shardStart = this.#recordStart
  }

  #cutShard(): void {
    const bytes = this.#copy(this.#shardStart, this.#recordStart)
    this.#cut.push({ bytes, records: this.#shardRecords })
    this.#shardStart = this.#recordStart
    this.#shardRecords = 0
  }

  #takeCut(): readonly CutShard[] {
    const cut = this.#cut
    this.#cut = []
    const isNeeded = ({ start, bytes }: { start: number; bytes: Uint8Array }) =>
      start + bytes.byteLength > this.#shardStart
    while (this.#chunks[0] && !isNeeded(this.#chunks[0])) this.#chunks.shift()
    return cut
  }

  #copy(from: number, to: number): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(to - from)
    for (const { start, bytes } of this.#chunks) {
      if (start + bytes.byteLength <= from || start >= to) continue
      const part = bytes.subarray(Math.max(0, from - start), to - start)
      whole.set(part, Math.max(0, start - from))
    }
    return whole
  }

  #tooLarge(): DataError {
    if (this.#isInHead) {
      return new DataError(
        'record-too-large',
        `the header line, with what is in front of it, is larger than ${MAX_HEADER_BYTES / 2 ** 20} MiB: a file of another format can be the reason`,
      )
    }
    return new DataError(
      'record-too-large',
      `record ${this.records + 1} is larger than ${MAX_SHARD_BYTES / 2 ** 20} MiB: a file of another format can be the reason`,
    )
  }
}
