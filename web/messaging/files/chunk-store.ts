import { isCount, isPeerId, isTokenId, type PeerId } from '../../base/index.ts'
import type { Store, StoreKey, StoreWrite } from '../../storage/index.ts'
import type { SharedFile } from './transfer.ts'
import { chunkCountOf, chunkLength, HASH_BYTES, readOffer } from './wire.ts'

/** Files that come or have come, by the name that this device gave them; by [name, index] the hash of a chunk that came since. */
const TABLE_FILES = 'file.files'
/** Their chunks, by [name, index]. */
const TABLE_CHUNKS = 'file.chunks'

export const FILE_TABLES: readonly string[] = [TABLE_FILES, TABLE_CHUNKS]

/** What is on disk of a file that was accepted. */
export interface StoredFile {
  /** This device's own name for it: offered again, the same file has another id. */
  readonly key: string
  file: SharedFile
  readonly from: PeerId
  readonly chunks: Chunks
  isDone: boolean
}

/** Which chunks are there, and their hashes. */
export class Chunks {
  readonly size: number
  readonly count: number
  readonly hashes: Uint8Array<ArrayBuffer>
  readonly #have: Uint8Array<ArrayBuffer>
  bytes = 0

  constructor(size: number, have?: Uint8Array<ArrayBuffer>, hashes?: Uint8Array<ArrayBuffer>) {
    this.size = size
    this.count = chunkCountOf(size)
    this.#have = have ?? new Uint8Array(this.count)
    this.hashes = hashes ?? new Uint8Array(this.count * HASH_BYTES)
    for (let index = 0; index < this.count; index++)
      if (this.has(index)) this.bytes += chunkLength(size, index)
  }

  get have(): Uint8Array<ArrayBuffer> {
    return this.#have
  }

  has(index: number): boolean {
    return this.#have[index] === 1
  }

  add(index: number, hash: Uint8Array): void {
    if (!this.has(index)) this.bytes += chunkLength(this.size, index)
    this.#have[index] = 1
    this.hashes.set(hash, index * HASH_BYTES)
  }

  drop(index: number): void {
    if (this.has(index)) this.bytes -= chunkLength(this.size, index)
    this.#have[index] = 0
  }

  hashOf(index: number): Uint8Array {
    return this.hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
  }

  /** The first that is not there and not in `busy`. */
  next(busy: ReadonlySet<number>): number | undefined {
    for (let index = this.#have.indexOf(0); index >= 0; index = this.#have.indexOf(0, index + 1))
      if (!busy.has(index)) return index
    return undefined
  }
}

/** Incoming files on this disk. Every method rejects with the store's error. */
export class ChunkStore {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async load(): Promise<readonly StoredFile[]> {
    const rows = await this.#store.entries(TABLE_FILES)
    const files = rows.flatMap(([key, row]) => readStored(key, row) ?? [])
    const byKey = new Map(files.map((file) => [file.key, file]))
    for (const [key, row] of rows) addChunk(byKey, key, row)
    return files
  }

  /** `said` are chunks whose own rows this record makes needless: those that it tells of, or all where none is under way. */
  saveRecord(
    { key, file, from, chunks, isDone }: StoredFile,
    durability: 'relaxed' | 'strict',
    said: readonly number[] | 'all',
  ): Promise<void> {
    const { have, hashes } = chunks
    const value = { file, from, isDone, have: have.slice().buffer, hashes: hashes.slice().buffer }
    const removes: StoreWrite[] =
      said === 'all'
        ? [{ table: TABLE_FILES, range: rangeOf(key), remove: true }]
        : said.map((index) => ({ table: TABLE_FILES, key: [key, index], remove: true }))
    return this.#store.write([...removes, { table: TABLE_FILES, key, value }], durability)
  }

  /** With a row that says so, until the next record does: who dies in between has it. */
  saveChunk(key: string, index: number, bytes: Uint8Array<ArrayBuffer>, hash: Uint8Array): Promise<void> {
    return this.#store.write(
      [
        { table: TABLE_CHUNKS, key: [key, index], value: bytes.buffer },
        { table: TABLE_FILES, key: [key, index], value: hash.slice().buffer },
      ],
      'relaxed',
    )
  }

  async chunk(key: string, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const value = await this.#store.get(TABLE_CHUNKS, [key, index])
    return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
  }

  remove(key: string): Promise<void> {
    const range = rangeOf(key)
    return this.#store.write(
      [
        { table: TABLE_FILES, key, remove: true },
        { table: TABLE_FILES, range, remove: true },
        { table: TABLE_CHUNKS, range, remove: true },
      ],
      'relaxed',
    )
  }
}

function rangeOf(key: string) {
  return { from: [key] as StoreKey, to: [key, Number.MAX_SAFE_INTEGER] as StoreKey } as const
}

/** What came after the record was written. */
function addChunk(files: ReadonlyMap<string, StoredFile>, at: StoreKey, row: unknown): void {
  const [key, index] = Array.isArray(at) ? (at as readonly unknown[]) : []
  const chunks = files.get(key as string)?.chunks
  if (!chunks || !isCount(index, 0, chunks.count - 1)) return
  if (row instanceof ArrayBuffer && row.byteLength === HASH_BYTES) chunks.add(index, new Uint8Array(row))
}

function readStored(key: StoreKey, row: unknown): StoredFile | undefined {
  const { file: offer, from, isDone, have, hashes } = (row ?? {}) as Readonly<Record<string, unknown>>
  const file = readOffer(offer)
  if (!file || !isPeerId(from) || !isTokenId(key)) return undefined
  if (!(have instanceof ArrayBuffer) || !(hashes instanceof ArrayBuffer)) return undefined
  const count = chunkCountOf(file.size)
  if (have.byteLength !== count || hashes.byteLength !== count * HASH_BYTES) return undefined
  const chunks = new Chunks(file.size, new Uint8Array(have), new Uint8Array(hashes))
  return { key, file, from, chunks, isDone: isDone === true }
}
