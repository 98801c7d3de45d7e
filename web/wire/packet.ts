import { WireError } from './errors.ts'
import { VarintReader, varintBytes } from './varint.ts'

/**
 * One data channel message is a packet: records one after another, each a tag, varints and bytes. Small frames share a
 * packet; a large one crosses as chunks, which name their frame and place, so that they can be joined whatever
 * connection brought them. A record never spans packets.
 */
const TAG = {
  /** Length, bytes. */
  frame: 0x01,
  /** Frame id, the frame's length, offset, length, bytes. */
  chunk: 0x02,
  /** The lane's index, how many bytes more it may carry to the sender of this record. */
  credit: 0x03,
  /** A number, which the pong repeats. */
  ping: 0x04,
  pong: 0x05,
  /** The sender is going: silence from now on is no fault. */
  leaving: 0x06,
  /** Nothing follows on this lane. */
  end: 0x07,
  /** Everything before both lanes' ends has been handled. */
  endAck: 0x08,
} as const

/** Tag and up to four varints: what a record takes beside its bytes, at most. */
export const RECORD_HEAD_BYTES = 21

/** What {@link readPacket} finds; bytes are views on the packet. A method may throw a WireError to refuse the rest. */
export interface PacketHandler {
  onFrame(frame: Uint8Array): void
  onChunk(frameId: number, totalBytes: number, offset: number, bytes: Uint8Array): void
  onCredit(laneIndex: number, bytes: number): void
  onPing(id: number): void
  onPong(id: number): void
  onLeaving(): void
  onEnd(): void
  onEndAck(): void
}

/** Throws a WireError `malformed` at the first byte that is no record; records before it have been handled. */
export function readPacket(packet: Uint8Array, handler: PacketHandler): void {
  new PacketReader(packet as Uint8Array<ArrayBuffer>).read(handler)
}

class PacketReader extends VarintReader {
  read(handler: PacketHandler): void {
    while (this.left > 0) this.#record(handler)
  }

  #record(handler: PacketHandler): void {
    switch (this.byte()) {
      case TAG.frame:
        handler.onFrame(this.#bytes())
        break
      case TAG.chunk:
        handler.onChunk(this.varint(), this.varint(), this.varint(), this.#bytes())
        break
      case TAG.credit:
        handler.onCredit(this.varint(), this.varint())
        break
      case TAG.ping:
        handler.onPing(this.varint())
        break
      case TAG.pong:
        handler.onPong(this.varint())
        break
      case TAG.leaving:
        handler.onLeaving()
        break
      case TAG.end:
        handler.onEnd()
        break
      case TAG.endAck:
        handler.onEndAck()
        break
      default:
        throw new WireError('malformed', 'a packet holds a record that is none of ours')
    }
  }

  #bytes(): Uint8Array {
    const length = this.varint()
    const start = this.take(length)
    return this.bytes.subarray(start, start + length)
  }
}

/** Fills packets of at most `maxBytes`. Callers ask for {@link room} first: a record that does not fit throws a RangeError. */
export class PacketWriter {
  readonly #maxBytes: number
  #bytes: Uint8Array<ArrayBuffer>
  #at = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#bytes = new Uint8Array(Math.min(maxBytes, 1024))
  }

  get isEmpty(): boolean {
    return this.#at === 0
  }

  /** Bytes that still fit, heads included. */
  get room(): number {
    return this.#maxBytes - this.#at
  }

  /** The packet, to be sent before the next record is written; the writer begins a new one. */
  take(): Uint8Array<ArrayBuffer> {
    const packet = this.#bytes.subarray(0, this.#at)
    // The next packet is likely as large as this one. It gets memory of its own: a lane may keep what it was handed.
    this.#bytes = new Uint8Array(Math.min(this.#maxBytes, Math.max(256, this.#at)))
    this.#at = 0
    return packet
  }

  frame(frame: Uint8Array): void {
    this.#reserve(1 + varintBytes(frame.length) + frame.length)
    this.#bytes[this.#at++] = TAG.frame
    this.#block(frame)
  }

  chunk(frameId: number, totalBytes: number, offset: number, bytes: Uint8Array): void {
    this.#reserve(RECORD_HEAD_BYTES + bytes.length)
    this.#bytes[this.#at++] = TAG.chunk
    this.#varint(frameId)
    this.#varint(totalBytes)
    this.#varint(offset)
    this.#block(bytes)
  }

  credit(laneIndex: number, bytes: number): void {
    this.#short(TAG.credit)
    this.#varint(laneIndex)
    this.#varint(bytes)
  }

  ping(id: number): void {
    this.#short(TAG.ping)
    this.#varint(id)
  }

  pong(id: number): void {
    this.#short(TAG.pong)
    this.#varint(id)
  }

  leaving(): void {
    this.#short(TAG.leaving)
  }

  end(): void {
    this.#short(TAG.end)
  }

  endAck(): void {
    this.#short(TAG.endAck)
  }

  #short(tag: number): void {
    this.#reserve(RECORD_HEAD_BYTES)
    this.#bytes[this.#at++] = tag
  }

  #block(block: Uint8Array): void {
    this.#varint(block.length)
    this.#bytes.set(block, this.#at)
    this.#at += block.length
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    if (needed > this.#maxBytes) throw new RangeError('the record does not fit this packet')
    const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#bytes.length * 2)))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}
