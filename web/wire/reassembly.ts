import { WireError } from './errors.ts'
import { MAX_FRAME_BYTES } from './limits.ts'

interface Partial {
  readonly bytes: Uint8Array<ArrayBuffer>
  filled: number
}

/**
 * Joins chunks to frames. All frames that are not whole yet hold at most {@link MAX_FRAME_BYTES} together, by the
 * lengths that their first chunks claim; a sender that goes beyond is refused.
 */
export class Reassembly {
  readonly #partials = new Map<number, Partial>()
  #claimedBytes = 0
  #lastId = -1

  /** The frame when this chunk was its last. Throws a WireError `malformed` for a chunk that does not fit. */
  add(
    frameId: number,
    totalBytes: number,
    offset: number,
    bytes: Uint8Array,
  ): Uint8Array<ArrayBuffer> | undefined {
    const partial = this.#partials.get(frameId) ?? this.#begin(frameId, totalBytes)
    if (partial.bytes.length !== totalBytes || partial.filled !== offset || bytes.length === 0) {
      throw new WireError('malformed', 'a chunk that does not continue its frame')
    }
    if (bytes.length > totalBytes - offset) throw new WireError('malformed', 'a chunk longer than its frame')
    partial.bytes.set(bytes, offset)
    partial.filled += bytes.length
    if (partial.filled < totalBytes) return undefined
    this.#partials.delete(frameId)
    this.#claimedBytes -= totalBytes
    return partial.bytes
  }

  get isEmpty(): boolean {
    return this.#partials.size === 0
  }

  clear(): void {
    this.#partials.clear()
    this.#claimedBytes = 0
  }

  #begin(frameId: number, totalBytes: number): Partial {
    if (frameId <= this.#lastId) throw new WireError('malformed', 'a frame id was used twice')
    if (totalBytes > MAX_FRAME_BYTES - this.#claimedBytes)
      throw new WireError('malformed', 'more frames at once than allowed')
    this.#lastId = frameId
    this.#claimedBytes += totalBytes
    const partial = { bytes: new Uint8Array(totalBytes), filled: 0 }
    this.#partials.set(frameId, partial)
    return partial
  }
}
