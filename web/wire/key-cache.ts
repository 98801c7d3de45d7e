const SLOTS = 512

interface Entry {
  readonly bytes: Uint8Array
  readonly key: string
}

/**
 * Keys of objects repeat from message to message. Whoever finds one here neither builds the string nor hashes it again
 * for the property, which is the larger part of decoding a small message. 512 keys of at most 63 bytes; a new one takes
 * the place of the old.
 */
export class KeyCache {
  readonly #entries: (Entry | undefined)[] = new Array(SLOTS).fill(undefined)

  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    const entry = this.#entries[slotOf(bytes, start, length)]
    if (!entry || entry.bytes.length !== length) return undefined
    for (let i = 0; i < length; i++) if (entry.bytes[i] !== bytes[start + i]) return undefined
    return entry.key
  }

  keep(bytes: Uint8Array, start: number, length: number, key: string): string {
    this.#entries[slotOf(bytes, start, length)] = { bytes: bytes.slice(start, start + length), key }
    return key
  }
}

function slotOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = length
  for (let i = start; i < start + length; i++) hash = (hash * 31 + (bytes[i] as number)) & 0xff_ffff
  return hash % SLOTS
}

/** The text of bytes that are all ASCII, else undefined. For short texts: a call of TextDecoder costs more than this loop. */
export function readAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] as number
    const b = bytes[at + 1] as number
    const c = bytes[at + 2] as number
    const d = bytes[at + 3] as number
    if ((a | b | c | d) > 0x7f) return undefined
    text += String.fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (byte > 0x7f) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}
