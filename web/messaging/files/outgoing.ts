import { type Clock, type Crypto, type PeerId, sleep } from '../../base/index.ts'
import { isFinal, type Room } from '../../mesh/index.ts'
import { MessagingError } from '../errors.ts'
import { Progress } from './progress.ts'
import type { FileTransfer, SharedFile, TransferSnapshot } from './transfer.ts'
import {
  chunkBytesOf,
  chunkCountOf,
  chunkLength,
  type End,
  HASH_BYTES,
  METHOD_END,
  METHOD_OFFER,
  offerToWire,
} from './wire.ts'

const REQUEST_MS = 10_000
const RETRY_MS = 2_000
/** Chunks that are read for one peer at once. */
const MAX_READING = 16

/** A file of this device, read as it is asked for; hashes are kept as they are made. */
export class FileSource {
  readonly file: SharedFile
  readonly #blob: Blob
  readonly #crypto: Crypto
  readonly #hashes: Uint8Array<ArrayBuffer>
  readonly #isHashed: Uint8Array

  constructor(file: SharedFile, blob: Blob, crypto: Crypto) {
    this.file = file
    this.#blob = blob
    this.#crypto = crypto
    const count = chunkCountOf(file.size)
    this.#hashes = new Uint8Array(count * HASH_BYTES)
    this.#isHashed = new Uint8Array(count)
  }

  get count(): number {
    return this.#isHashed.length
  }

  /** Rejects with what the browser says when the file has changed or is gone. */
  async chunk(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const from = index * chunkBytesOf(this.file.size)
    const length = chunkLength(this.file.size, index)
    const bytes = new Uint8Array(await this.#blob.slice(from, from + length).arrayBuffer())
    if (bytes.byteLength !== length) throw new RangeError('the file is shorter than it was')
    await this.#hash(index, bytes)
    return bytes
  }

  /** Of all chunks: those that nobody has asked for are read. */
  async hashes(): Promise<Uint8Array<ArrayBuffer>> {
    for (let index = 0; index < this.count; index++) if (this.#isHashed[index] === 0) await this.chunk(index)
    return this.#hashes
  }

  async #hash(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#isHashed[index] === 1) return
    this.#hashes.set(await this.#crypto.sha256(bytes), index * HASH_BYTES)
    this.#isHashed[index] = 1
  }
}

interface OutgoingPorts {
  readonly room: Room
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** One file on its way from this node to a peer, which asks for the chunks that it lacks. */
export class Outgoing implements FileTransfer {
  readonly direction = 'out'
  readonly id: string
  readonly peer: PeerId
  readonly file: SharedFile
  readonly #source: FileSource
  readonly #ports: OutgoingPorts
  readonly #progress: Progress
  readonly #stop: () => void
  #reading = 0

  /** `isOffered`: the peer is told of it; else it has asked. */
  constructor(source: FileSource, peer: PeerId, isOffered: boolean, ports: OutgoingPorts) {
    this.id = `${source.file.id}.${peer}`
    this.file = source.file
    this.peer = peer
    this.#source = source
    this.#ports = ports
    this.#progress = new Progress(ports.clock, isOffered ? 'offered' : 'moving', 0)
    const stop = ports.room.onMembership(({ joined, gone }) => {
      if (gone.some(({ member }) => member.peerId === peer)) this.#onGone()
      if (joined.some(({ peerId }) => peerId === peer)) void this.#offer()
    })
    this.#stop = stop
    if (isOffered) void this.#offer()
  }

  get done(): Promise<void> {
    return this.#progress.done
  }

  getSnapshot = (): TransferSnapshot => this.#progress.snapshot

  subscribe = (listener: () => void): (() => void) => this.#progress.subscribe(listener)

  accept(): void {}

  decline(): void {}

  cancel(): void {
    if (this.#progress.isOver) return
    this.#end('cancelled', 'You stopped it.')
    void this.#tellEnd('cancelled', 'It was stopped by its sender.')
  }

  blob(): Promise<Blob> {
    return Promise.reject(
      new MessagingError('bad-option', 'this file is going out: it is where it came from'),
    )
  }

  remove(): Promise<void> {
    this.cancel()
    return Promise.resolve()
  }

  /** Throws a MessagingError for what cannot be given. */
  async chunk(index: number, bytesThere: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#assertGoing()
    if (index >= this.#source.count || bytesThere > this.file.size)
      throw new MessagingError('malformed', 'there is no such chunk')
    if (this.#reading >= MAX_READING) throw new MessagingError('queue-full', 'too many chunks at once')
    this.#progress.enter('moving')
    this.#progress.reach(bytesThere)
    return this.#read(() => this.#source.chunk(index))
  }

  hashes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#assertGoing()
    this.#progress.reach(this.file.size)
    this.#progress.enter('checking')
    return this.#read(() => this.#source.hashes())
  }

  /** The receiver's word. */
  onEnd(how: End, reason: string): void {
    if (how === 'done') this.#progress.reach(this.file.size)
    this.#end(how, reason)
  }

  close(): void {
    this.#stop()
    this.#progress.fail('failed', 'closed', 'This tab was closed.')
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    this.#reading++
    try {
      return await work()
    } catch {
      const text = 'The file has changed or is gone since it was chosen.'
      this.#end('failed', text)
      void this.#tellEnd('failed', text)
      throw new MessagingError('gone', text)
    } finally {
      this.#reading--
    }
  }

  /** Told again to one that comes back: it may have lost its memory with its tab. */
  async #offer(): Promise<void> {
    const { room, clock, signal } = this.#ports
    while (!this.#progress.isOver && !signal.aborted && room.member(this.peer)) {
      try {
        const options = { timeoutMs: REQUEST_MS, signal }
        await room.request(this.peer, METHOD_OFFER, offerToWire(this.file), options)
        if (this.#progress.state === 'waiting') this.#progress.enter('offered')
        return
      } catch (error) {
        if ((error as { code?: unknown }).code === 'queue-full')
          return this.#end('failed', 'Too many files wait for an answer there already.')
        if ((error as { code?: unknown }).code === 'gone')
          return this.#end('cancelled', 'It was stopped by its receiver.')
        if (isFinal(error)) return this.#end('failed', 'The other side cannot take this file.')
        await sleep(clock, RETRY_MS, signal).catch(() => {
          // This node has ended, and so has the loop.
        })
      }
    }
    if (!this.#progress.isOver) this.#onGone()
  }

  #onGone(): void {
    this.#progress.enter('waiting', 'It goes on when the other side is here again.')
  }

  #end(how: End, reason: string): void {
    this.#stop()
    if (how === 'done') this.#progress.enter('done')
    else if (how === 'declined') this.#progress.fail('declined', 'declined', reason || 'It was declined.')
    else if (how === 'cancelled') this.#progress.fail('cancelled', 'cancelled', reason)
    else this.#progress.fail('failed', 'damaged', reason)
  }

  async #tellEnd(how: End, reason: string): Promise<void> {
    const { room, signal } = this.#ports
    const body = { id: this.file.id, how, reason }
    await room.request(this.peer, METHOD_END, body, { timeoutMs: REQUEST_MS, signal }).catch(() => {
      // It finds out when it asks for the next chunk.
    })
  }

  #assertGoing(): void {
    if (this.#progress.isOver)
      throw new MessagingError('gone', this.#progress.snapshot.reason ?? 'this transfer is over')
  }
}
