import {
  type Clock,
  type Crypto,
  equalBytes,
  option,
  type PeerId,
  sleep,
  TabmeshError,
} from '../../base/index.ts'
import { isFinal, type Room } from '../../mesh/index.ts'
import { MessagingError } from '../errors.ts'
import type { ChunkStore, StoredFile } from './chunk-store.ts'
import { Progress } from './progress.ts'
import type { FileTransfer, SharedFile, TransferSnapshot, TransferState } from './transfer.ts'
import { chunkLength, type End, HASH_BYTES, METHOD_CHUNK, METHOD_END, METHOD_HASHES } from './wire.ts'

/** Chunks that are asked for at once. */
const MAX_UNDER_WAY = 12
const CHUNK_MS = 60_000
/** A large file that was only half asked for is read anew for its hashes. */
const HASHES_MS = 30 * 60_000
const REQUEST_MS = 10_000
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 8_000
/** The record of what is there is written after so many chunks; until then each says so itself. */
const SAVE_EVERY = 32
/** Rounds in which chunks that do not match are asked for again. */
const MAX_ROUNDS = 3

export interface IncomingPorts {
  readonly room: Room
  readonly clock: Clock
  readonly crypto: Crypto
  readonly disk: ChunkStore
  /** It is over or was taken out: it is listed no longer. */
  readonly onRemoved: (incoming: Incoming) => void
}

/** One file on its way to this node: it asks for the chunks that it lacks, a few at once, and writes each before the next. */
export class Incoming implements FileTransfer {
  readonly direction = 'in'
  readonly peer: PeerId
  readonly #stored: StoredFile
  readonly #ports: IncomingPorts
  readonly #progress: Progress
  readonly #controller = new AbortController()
  readonly #stop: () => void
  #wake: (() => void) | undefined
  #isRunning = false
  /** Chunks of which the record does not tell yet. */
  #unsaved: number[] = []

  constructor(stored: StoredFile, state: TransferState, ports: IncomingPorts) {
    this.#stored = stored
    this.peer = stored.from
    this.#ports = ports
    this.#progress = new Progress(ports.clock, state, stored.chunks.bytes)
    this.#stop = ports.room.onMembership(() => this.#wake?.())
    if (state === 'waiting') this.#start()
  }

  get id(): string {
    return this.#stored.key
  }

  get file(): SharedFile {
    return this.#stored.file
  }

  get done(): Promise<void> {
    return this.#progress.done
  }

  getSnapshot = (): TransferSnapshot => this.#progress.snapshot

  subscribe = (listener: () => void): (() => void) => this.#progress.subscribe(listener)

  accept(): void {
    if (this.#progress.state === 'offered') this.#start()
  }

  decline(): void {
    if (this.#progress.state !== 'offered') return
    this.#progress.fail('declined', 'declined', 'You declined it.')
    void this.#tellEnd('declined', 'It was declined.')
    this.#finish()
  }

  cancel(): void {
    if (this.#progress.isOver) return
    this.#progress.fail('cancelled', 'cancelled', 'You stopped it.')
    void this.#tellEnd('cancelled', 'It was stopped by its receiver.')
    this.#finish()
    void this.#forget()
  }

  async blob(signal?: AbortSignal): Promise<Blob> {
    option.signal('signal', signal)
    if (this.#progress.state !== 'done') throw new MessagingError('bad-option', 'this file is not here yet')
    const { chunks, key, file } = this.#stored
    const parts: Blob[] = []
    for (let index = 0; index < chunks.count; index++) {
      signal?.throwIfAborted()
      const bytes = await this.#ports.disk.chunk(key, index)
      const hash = bytes && (await this.#ports.crypto.sha256(bytes))
      if (!bytes || !hash || !equalBytes(hash, chunks.hashOf(index)))
        throw new MessagingError('damaged', 'This device’s copy of the file is damaged: ask for it again.')
      // A Blob for each chunk, which a browser may keep on its disk.
      parts.push(new Blob([bytes]))
    }
    return new Blob(parts, { type: file.type })
  }

  async remove(): Promise<void> {
    this.cancel()
    this.#finish()
    this.#ports.onRemoved(this)
    await this.#forget()
  }

  /** The same file again, under another id: what is here of it stays. */
  offeredAgain(file: SharedFile): void {
    this.#stored.file = file
    if (this.#progress.state === 'stopped') {
      this.#progress.enter('waiting')
      this.#start()
    }
    this.#wake?.()
  }

  isSame(from: PeerId, { name, size, lastModified }: SharedFile): boolean {
    const { file } = this.#stored
    return (
      this.peer === from &&
      file.name === name &&
      file.size === size &&
      file.lastModified === lastModified &&
      !this.#progress.isOver
    )
  }

  /** The sender's word. */
  onEnd(how: End, reason: string): void {
    if (this.#progress.isOver || how === 'done' || how === 'declined') return
    if (how === 'cancelled') this.#progress.fail('cancelled', 'cancelled', reason)
    else this.#progress.fail('failed', 'gone', reason)
    this.#finish()
    void this.#forget()
  }

  close(): void {
    this.#finish()
    this.#progress.fail('failed', 'closed', 'This tab was closed.')
  }

  #start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted && !this.#progress.isOver && this.#progress.state !== 'stopped') {
      const before = this.#stored.chunks.bytes
      try {
        await this.#untilHere()
        this.#progress.enter('moving')
        await this.#take()
      } catch (error) {
        if (signal.aborted) break
        if (this.#stored.chunks.bytes > before) retryMs = FIRST_RETRY_MS
        if (this.#isFinal(error)) break
        this.#progress.enter('waiting', 'The link is broken: it goes on when it is back.')
        await sleep(this.#ports.clock, retryMs, signal).catch(ignore)
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
      }
    }
    this.#isRunning = false
  }

  /** Everything that is missing, then the comparison; what does not match is asked for again. */
  async #take(): Promise<void> {
    await this.#save('strict', 'all')
    for (let round = 1; ; round++) {
      await this.#takeMissing()
      this.#progress.enter('checking')
      const wrong = await this.#compare()
      if (wrong.length === 0) break
      if (round >= MAX_ROUNDS) throw new MessagingError('damaged', 'What came is not what was sent.')
      for (const index of wrong) this.#stored.chunks.drop(index)
      this.#progress.reach(this.#stored.chunks.bytes)
      this.#progress.enter('moving')
    }
    this.#stored.isDone = true
    await this.#save('strict', 'all')
    this.#progress.reach(this.file.size)
    this.#progress.enter('done')
    this.#finish()
    void this.#tellEnd('done', '')
  }

  async #takeMissing(): Promise<void> {
    const busy = new Set<number>()
    const workers = Array.from({ length: MAX_UNDER_WAY }, async () => {
      for (let index = this.#nextFor(busy); index !== undefined; index = this.#nextFor(busy)) {
        await this.#takeChunk(index)
        busy.delete(index)
      }
    })
    const results = await Promise.allSettled(workers)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #nextFor(busy: Set<number>): number | undefined {
    this.#controller.signal.throwIfAborted()
    const index = this.#stored.chunks.next(busy)
    if (index !== undefined) busy.add(index)
    return index
  }

  async #takeChunk(index: number): Promise<void> {
    const { crypto, disk } = this.#ports
    const { chunks, key, file } = this.#stored
    const answer = await this.#ask(METHOD_CHUNK, { id: file.id, index, bytes: chunks.bytes }, CHUNK_MS)
    if (!(answer instanceof Uint8Array) || answer.byteLength !== chunkLength(file.size, index))
      throw new MessagingError('malformed', 'the sender’s answer is no chunk')
    // A copy: the bytes are a view on the frame that they came in.
    const bytes = answer.slice()
    const hash = await crypto.sha256(bytes)
    await disk.saveChunk(key, index, bytes, hash)
    chunks.add(index, hash)
    this.#progress.reach(chunks.bytes)
    if (this.#unsaved.push(index) >= SAVE_EVERY) await this.#save('relaxed', this.#unsaved)
  }

  async #compare(): Promise<readonly number[]> {
    const { chunks, file } = this.#stored
    const answer = await this.#ask(METHOD_HASHES, { id: file.id }, HASHES_MS)
    if (!(answer instanceof Uint8Array) || answer.byteLength !== chunks.count * HASH_BYTES)
      throw new MessagingError('malformed', 'the sender’s answer is no list of hashes')
    const indexes = Array.from({ length: chunks.count }, (_, index) => index)
    return indexes.filter(
      (index) =>
        !equalBytes(chunks.hashOf(index), answer.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)),
    )
  }

  #ask(method: string, body: Readonly<Record<string, string | number>>, timeoutMs: number): Promise<unknown> {
    const { signal } = this.#controller
    return this.#ports.room.request(this.peer, method, body, { lane: 'bulk', timeoutMs, signal })
  }

  async #untilHere(): Promise<void> {
    const { signal } = this.#controller
    while (!this.#ports.room.member(this.peer)) {
      this.#progress.enter('waiting', 'It goes on when the sender is here again.')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      this.#wake = undefined
      signal.throwIfAborted()
    }
  }

  /** What waiting does not mend. */
  #isFinal(error: unknown): boolean {
    const code = error instanceof TabmeshError ? error.code : undefined
    if (code === 'gone') {
      this.#progress.enter('stopped', 'The sender’s tab no longer has the file: ask for it again.')
      return true
    }
    if (code === 'quota') return this.#fails('quota', 'This device has no room for the file.')
    if (code === 'damaged' || isFinal(error)) return this.#fails('damaged', 'What came is not what was sent.')
    if (code === 'unavailable' || code === 'corrupt')
      return this.#fails('store', 'This device could not store the file.')
    return false
  }

  #fails(code: 'quota' | 'damaged' | 'store', reason: string): true {
    this.#progress.fail('failed', code, reason)
    void this.#tellEnd('failed', reason)
    this.#finish()
    void this.#forget()
    return true
  }

  async #save(durability: 'relaxed' | 'strict', said: readonly number[] | 'all'): Promise<void> {
    this.#unsaved = []
    await this.#ports.disk.saveRecord(this.#stored, durability, said)
  }

  #finish(): void {
    this.#stop()
    this.#controller.abort(new MessagingError('closed', 'this transfer has ended'))
    this.#wake?.()
  }

  async #forget(): Promise<void> {
    await this.#ports.disk.remove(this.#stored.key).catch(ignore)
  }

  async #tellEnd(how: End, reason: string): Promise<void> {
    const body = { id: this.file.id, how, reason }
    await this.#ports.room.request(this.peer, METHOD_END, body, { timeoutMs: REQUEST_MS }).catch(ignore)
  }
}

function ignore(): void {}
