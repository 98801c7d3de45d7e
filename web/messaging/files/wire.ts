import { isCount, isRecord, isTokenId, visibleName } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import type { FileInfo, SharedFile } from './transfer.ts'

/** Request, sender to receiver: a file is offered; answered once the receiver knows of it. */
export const METHOD_OFFER = 'file.offer'
/** Request, receiver to sender: one chunk; answered with its bytes. Says how many bytes are on the receiver's disk. */
export const METHOD_CHUNK = 'file.chunk'
/** Request, receiver to sender: the hashes of all chunks, one after the other. */
export const METHOD_HASHES = 'file.hashes'
/** Request, to the other side: it is over for this side. */
export const METHOD_END = 'file.end'

export const HASH_BYTES = 32
const MAX_CHUNKS = 65_536
const LEAST_CHUNK_BYTES = 1024 * 1024
const MOST_CHUNK_BYTES = 8 * 1024 * 1024
/** Half a terabyte. */
export const MAX_FILE_BYTES = MAX_CHUNKS * MOST_CHUNK_BYTES
const MAX_NAME_LENGTH = 255
/** A path is none of a file's name, and a control character is shown where it was. */
const NO_NAME = /[\p{Cc}/\\]/gu
const TURNING = /[\u202a-\u202e\u2066-\u2069]/u
const TYPE = /^[a-z0-9][a-z0-9.+-]{0,63}\/[a-z0-9][a-z0-9.+-]{0,63}$/u

export type End = 'done' | 'declined' | 'cancelled' | 'failed'

/** Both sides cut a file of one size into the same chunks. */
export function chunkBytesOf(size: number): number {
  let bytes = LEAST_CHUNK_BYTES
  while (bytes * MAX_CHUNKS < size) bytes *= 2
  return bytes
}

export function chunkCountOf(size: number): number {
  return Math.ceil(size / chunkBytesOf(size))
}

export function chunkLength(size: number, index: number): number {
  const bytes = chunkBytesOf(size)
  return Math.min(bytes, size - index * bytes)
}

/** What this node says of a file, made so that every reader takes it. */
export function fileInfo(file: Blob, name: string, lastModified: number): FileInfo {
  const type = file.type.split(';')[0]?.trim().toLowerCase() ?? ''
  return { name: safeName(name), size: file.size, type: TYPE.test(type) ? type : '', lastModified }
}

export function offerToWire({ id, name, size, type, lastModified }: SharedFile): Value {
  return { id, name, size, type, lastModified }
}

/** Undefined for what is no offer. */
export function readOffer(value: unknown): SharedFile | undefined {
  if (!isRecord(value)) return undefined
  const { id, name, size, type, lastModified } = value
  if (!isTokenId(id) || !isName(name) || !isSize(size)) return undefined
  if (typeof type !== 'string' || (type !== '' && !TYPE.test(type))) return undefined
  if (!Number.isFinite(lastModified)) return undefined
  return { id, name: safeName(name), size, type, lastModified: lastModified as number }
}

export function readChunkAsk(value: unknown): { id: string; index: number; bytes: number } | undefined {
  if (!isRecord(value)) return undefined
  const { id, index, bytes } = value
  if (!isTokenId(id) || !isCount(index) || !isCount(bytes)) return undefined
  return { id, index, bytes }
}

export function readEnd(value: unknown): { id: string; how: End; reason: string } | undefined {
  if (!isRecord(value)) return undefined
  const { id, how, reason } = value
  if (!isTokenId(id) || typeof reason !== 'string' || reason.length > 200) return undefined
  if (how !== 'done' && how !== 'declined' && how !== 'cancelled' && how !== 'failed') return undefined
  return { id, how, reason }
}

export function readFileId(value: unknown): string | undefined {
  const id = isRecord(value) ? value['id'] : undefined
  return isTokenId(id) ? id : undefined
}

/** From a peer: what its own build would have taken out is refused, what is merely unseen is taken out here. */
function isName(value: unknown): value is string {
  const isText = typeof value === 'string' && value.length >= 1 && value.length <= MAX_NAME_LENGTH
  return isText && value.isWellFormed() && value.search(NO_NAME) === -1 && value.search(TURNING) === -1
}

/** Of anybody's file: what is seen of its name, without a path. Never empty. */
function safeName(name: string): string {
  const seen = visibleName(name.slice(0, 4 * MAX_NAME_LENGTH).replaceAll(NO_NAME, '_'), MAX_NAME_LENGTH)
  // The bound is in UTF-16 units; half a character at its end goes.
  return visibleName(seen.slice(0, MAX_NAME_LENGTH), MAX_NAME_LENGTH) || 'file'
}

function isSize(value: unknown): value is number {
  return isCount(value, 0, MAX_FILE_BYTES)
}
