import { DataError } from './errors.ts'
import { MAX_SHARD_BYTES } from './limits.ts'
import type { RecordScanner } from './line-scanner.ts'

export interface CutShard {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly records: number
}

export interface CutterOptions {
  readonly scanner: RecordScanner
  /** A shard ends with the record that reaches this. */
  readonly shardBytes: number
  /** The first record that is not blank is kept apart, with what is in front of it. */
  readonly hasHeader: boolean
}

/** Cuts a stream of bytes into shards on record ends. Holds one shard and one chunk at most, whatever the file's size. */
export class Cutter {
  readonly #options: CutterOptions
  readonly #chunks: { readonly start: number; readonly bytes: Uint8Array }[] = []
  /** Positions in the stream. */
  #shardStart = 0
  #recordStart = 0
  #end = 0
  #shardRecords = 0
  #cut: CutShard[] = []
  #header: Uint8Array<ArrayBuffer> | undefined
  /** So far, the header left out. */
  records = 0

  constructor(options: CutterOptions) {
    this.#options = options
  }

  /** Undefined until the header has been read whole. */
  get header(): Uint8Array<ArrayBuffer> | undefined {
    return this.#header
  }

  /** The shards that this chunk completes. The chunk must not change afterwards. Throws `record-too-large`. */
  push(chunk: Uint8Array): readonly CutShard[] {
    const start = this.#end
    this.#chunks.push({ start, bytes: chunk })
    this.#end += chunk.byteLength
    this.#options.scanner.scan(chunk, (end, isBlank) => this.#onRecord(start + end, isBlank))
    if (this.#end - this.#recordStart > MAX_SHARD_BYTES) throw this.#tooLarge()
    return this.#takeCut()
  }

  /** The last shard, if there is one. */
  finish(): readonly CutShard[] {
    if (this.#end > this.#recordStart) this.#onRecord(this.#end, this.#options.scanner.isRestBlank())
    if (this.#recordStart > this.#shardStart) this.#cutShard()
    return this.#takeCut()
  }

  #onRecord(end: number, isBlank: boolean): void {
    if (end - this.#recordStart > MAX_SHARD_BYTES) throw this.#tooLarge()
    if (this.#options.hasHeader && !this.#header) {
      this.#recordStart = end
      if (isBlank) return
      this.#header = this.#copy(0, end)
      this.#shardStart = end
      return
    }
    if (end - this.#shardStart > MAX_SHARD_BYTES && this.#recordStart > this.#shardStart) this.#cutShard()
    this.#recordStart = end
    if (!isBlank) {
      this.#shardRecords++
      this.records++
    }
    if (end - this.#shardStart >= this.#options.shardBytes) this.#cutShard()
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
    const isHeader = this.#options.hasHeader && !this.#header
    const what = isHeader ? 'the header line' : `record ${this.records + 1}`
    const hint = 'a quote that is not closed, or a file of another format, can be the reason'
    return new DataError(
      'record-too-large',
      `${what} is larger than ${MAX_SHARD_BYTES / 2 ** 20} MiB: ${hint}`,
    )
  }
}
