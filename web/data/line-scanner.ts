/** Finds where records end in a stream of UTF-8 bytes, without keeping any. */
export interface RecordScanner {
  /** Calls `onRecord` for each record that ends in the chunk: behind its line end, and whether it is a blank line. */
  scan(chunk: Uint8Array, onRecord: (end: number, isBlank: boolean) => void): void
  /** Of what follows the last record end, asked when the stream has ended. */
  isRestBlank(): boolean
}

const LINE_FEED = 10
const SPACE = 32

/** One record a line: for NDJSON (lines of white space are blank) and text (no line is). */
export class LineScanner implements RecordScanner {
  readonly #skipsBlank: boolean
  #hasBytes = false
  #hasContent = false

  constructor(options: { readonly skipsBlank: boolean }) {
    this.#skipsBlank = options.skipsBlank
  }

  scan(chunk: Uint8Array, onRecord: (end: number, isBlank: boolean) => void): void {
    let start = 0
    for (;;) {
      const at = chunk.indexOf(LINE_FEED, start)
      const end = at === -1 ? chunk.byteLength : at
      if (end > start) this.#hasBytes = true
      if (!this.#hasContent) this.#hasContent = hasContent(chunk, start, end)
      if (at === -1) return
      onRecord(at + 1, this.#skipsBlank && !this.#hasContent)
      this.#hasBytes = false
      this.#hasContent = false
      start = at + 1
    }
  }

  isRestBlank(): boolean {
    return this.#skipsBlank ? !this.#hasContent : !this.#hasBytes
  }
}

function hasContent(chunk: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((chunk[i] as number) > SPACE) return true
  return false
}
