import { WireError } from './errors.ts'

/** A cursor over bytes from outside that never reads past their end. */
export class VarintReader {
  protected readonly bytes: Uint8Array<ArrayBuffer>
  protected at = 0

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes
  }

  protected get left(): number {
    return this.bytes.length - this.at
  }

  protected byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new WireError('malformed', 'the bytes end too soon')
    return byte
  }

  /** Moves past `length` bytes and returns where they begin. */
  protected take(length: number): number {
    const start = this.at
    if (length > this.bytes.length - start) throw new WireError('malformed', 'the bytes end too soon')
    this.at = start + length
    return start
  }

  /** 0 to 2^32 - 1 as LEB128 in its shortest form; any other form is malformed. */
  protected varint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte > 0x7f) continue
      if (value > 0xffff_ffff || byte === 0) break
      return value
    }
    throw new WireError('malformed', 'a number in no form of ours')
  }

  /** The same for 0 to 2^53 - 1. */
  protected longVarint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte > 0x7f) continue
      if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && scale > 1)) break
      return value
    }
    throw new WireError('malformed', 'a number in no form of ours')
  }
}

/** How many bytes {@link VarintReader} reads for `value`. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}
