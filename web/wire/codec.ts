import { Decoder } from './decoder.ts'
import { Encoded } from './encoded.ts'
import { Encoder } from './encoder.ts'
import { WireError } from './errors.ts'
import { MAX_FRAME_BYTES } from './limits.ts'
import type { Value } from './value.ts'

/** Scratch space only: nothing of one value is left for the next. */
let idle: Encoder | undefined

/**
 * The one encoding of a value: equal values with the same order of keys give equal bytes. Throws a WireError
 * `not-encodable` for functions, symbols, class instances, circles, nesting over 64 and lone surrogates, and
 * `too-large` beyond a frame.
 */
export function encodeValue(value: Value): Uint8Array<ArrayBuffer> {
  return encode(value).bytes
}

/** A value that goes to many: its bytes are copied wherever it is part of another value. Throws as {@link encodeValue} does. */
export function encodeOnce(value: Value): Encoded {
  const { bytes, weight } = encode(value)
  return new Encoded(bytes, weight)
}

function encode(value: Value): { readonly bytes: Uint8Array<ArrayBuffer>; readonly weight: number } {
  const encoder = idle ?? new Encoder()
  idle = undefined
  const bytes = encoder.encode(value)
  if (bytes.length > MAX_FRAME_BYTES) {
    throw new WireError(
      'too-large',
      `a value of more than ${MAX_FRAME_BYTES / 1024 / 1024} MiB cannot be sent`,
    )
  }
  idle = encoder
  return { bytes, weight: encoder.weight }
}

/**
 * The value of which {@link encodeValue} made `bytes`. Byte-sized views in it (Uint8Array and its like, DataView) are
 * views on `bytes`, not copies: whoever keeps a small one for long copies it, or it keeps the whole frame alive. Throws
 * a WireError `malformed` or `too-deep` for anything else, bytes left over included, and nothing but a WireError.
 */
export function decodeValue(bytes: Uint8Array): Value {
  if (!(bytes.buffer instanceof ArrayBuffer))
    throw new WireError('malformed', 'the bytes are shared with another thread')
  return new Decoder(bytes as Uint8Array<ArrayBuffer>).decode()
}
