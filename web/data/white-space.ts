/** UTF-8 of the characters beyond ASCII that `String.prototype.trim` takes away, by their bytes. */
const SEQUENCES: readonly (readonly number[])[] = [
  [0xc2, 0xa0],
  [0xe1, 0x9a, 0x80],
  ...Array.from({ length: 11 }, (_, i) => [0xe2, 0x80, 0x80 + i]),
  [0xe2, 0x80, 0xa8],
  [0xe2, 0x80, 0xa9],
  [0xe2, 0x80, 0xaf],
  [0xe2, 0x81, 0x9f],
  [0xe3, 0x80, 0x80],
  [0xef, 0xbb, 0xbf],
]

/** Recognises a run of white space, as `trim` sees it, byte by byte. */
export class WhiteSpace {
  /** Bytes of a character that is not complete. */
  #partial: number[] = []
  isEmpty = true

  reset(): void {
    this.#partial = []
    this.isEmpty = true
  }

  /** False when the run cannot be white space with this byte. */
  accepts(byte: number): boolean {
    this.isEmpty = false
    if (this.#partial.length === 0 && (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d))) return true
    const partial = [...this.#partial, byte]
    const match = SEQUENCES.find((sequence) => partial.every((part, i) => part === sequence[i]))
    if (!match) return false
    this.#partial = match.length === partial.length ? [] : partial
    return true
  }
}
