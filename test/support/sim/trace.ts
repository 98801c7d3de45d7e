import { createHash } from 'node:crypto'

/** How many of the latest notes are kept in words for a failure's report. */
const KEPT_NOTES = 200

/** What happened in a run, as one hash: two runs of a seed are alike when their hashes are. */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #notes: string[] = []
  count = 0

  /** Adds one line. `bytes` go into the hash whole, into the words by their length. */
  note(line: string, bytes?: Uint8Array): void {
    this.count++
    this.#hash.update(line)
    if (bytes) this.#hash.update(bytes)
    if (this.#notes.length >= KEPT_NOTES) this.#notes.shift()
    this.#notes.push(bytes ? `${line} (${bytes.byteLength} bytes)` : line)
  }

  /** Hexadecimal; of all notes so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The latest notes. */
  get tail(): readonly string[] {
    return this.#notes
  }
}
