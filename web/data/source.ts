import { abortable, OptionError } from '../base/index.ts'
import { DataError } from './errors.ts'

const PIECE_BYTES = 1024 * 1024

/** Throws an OptionError, which says what to pass instead. */
export function checkSource(source: unknown): void {
  if (source instanceof Blob || typeof Object(source).getReader === 'function') return
  const hint =
    typeof source === 'string'
      ? 'text is passed as new Blob([text])'
      : ArrayBuffer.isView(source) || source instanceof ArrayBuffer
        ? 'bytes are passed as new Blob([bytes])'
        : 'anything else is none'
  throw new OptionError('source', source, `is a File, a Blob or a ReadableStream of bytes: ${hint}`)
}

/** The bytes in order, one piece read ahead. Rejects with `file-changed` or `signal.reason`. */
export async function* readSource(
  source: Blob | ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (source instanceof Blob) yield* readBlob(source, signal)
  else yield* readStream(source, signal)
}

async function* readBlob(blob: Blob, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let next = readPiece(blob, 0)
  for (let at = 0; at < blob.size; at += PIECE_BYTES) {
    const piece = await abortable(next, signal)
    next = readPiece(blob, at + PIECE_BYTES)
    next.catch(() => {
      // Whoever asks for the piece hears of it; nobody may.
    })
    yield piece
  }
}

async function readPiece(blob: Blob, at: number): Promise<Uint8Array> {
  const piece = blob.slice(at, at + PIECE_BYTES)
  try {
    const bytes = new Uint8Array(await piece.arrayBuffer())
    if (bytes.byteLength === piece.size) return bytes
  } catch (cause) {
    // A browser refuses to read a file that is not what it was when the person chose it.
    throw fileChanged(cause)
  }
  throw fileChanged()
}

function fileChanged(cause?: unknown): DataError {
  const message = 'the file was changed, moved or deleted while it was read: choose it again'
  return new DataError('file-changed', message, { cause })
}

async function* readStream(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal)
      isDone = done
      if (done) return
      if (!((value as unknown) instanceof Uint8Array))
        throw new DataError('bad-option', 'the stream must give bytes (Uint8Array)')
      for (let at = 0; at < value.byteLength; at += PIECE_BYTES) yield value.subarray(at, at + PIECE_BYTES)
    }
  } finally {
    if (!isDone) {
      reader.cancel().catch(() => {
        // Nobody reads on; why the source cannot be told so does not matter.
      })
    }
  }
}
