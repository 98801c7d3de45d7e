import {
  type Clock,
  type Crypto,
  Listeners,
  OptionError,
  option,
  type PeerId,
  type Random,
  randomToken,
} from '../../base/index.ts'
import type { Room } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import { MessagingError } from '../errors.ts'
import { ChunkStore, Chunks, type StoredFile } from './chunk-store.ts'
import { Incoming } from './incoming.ts'
import { FileSource, Outgoing } from './outgoing.ts'
import { isOver } from './progress.ts'
import type { Files, FileTransfer, SharedFile } from './transfer.ts'
import {
  fileInfo,
  MAX_FILE_BYTES,
  METHOD_CHUNK,
  METHOD_END,
  METHOD_HASHES,
  METHOD_OFFER,
  readChunkAsk,
  readEnd,
  readFileId,
  readOffer,
} from './wire.ts'

/** Offers of one member that wait for an answer. */
const MAX_OFFERS = 20
/** Transfers that are listed; the oldest that are over and left nothing on disk go first. */
const MAX_LISTED = 500

export interface FilesOptions {
  readonly room: Room
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  readonly loaded: readonly StoredFile[]
}

/** What lay in the store when the node began. */
export function loadFiles(store: Store): Promise<readonly StoredFile[]> {
  return new ChunkStore(store).load()
}

/** The files that this node gives and takes. */
export class RoomFiles implements Files {
  readonly #options: FilesOptions
  readonly #disk: ChunkStore
  readonly #sources = new Map<string, FileSource>()
  /** Those that only one member may have. */
  readonly #offeredTo = new Map<string, PeerId>()
  readonly #outgoing = new Map<string, Outgoing>()
  readonly #incoming = new Set<Incoming>()
  readonly #listeners = new Listeners<[]>()
  readonly #controller = new AbortController()
  readonly #stops: (() => void)[]
  #list: readonly FileTransfer[] = []

  constructor(options: FilesOptions) {
    this.#options = options
    this.#disk = new ChunkStore(options.store)
    const { room } = options
    this.#stops = [
      room.serve(METHOD_OFFER, (body, { from }) => this.#onOffer(body, from)),
      room.serve(METHOD_CHUNK, (body, { from }) => this.#onChunk(body, from)),
      room.serve(METHOD_HASHES, (body, { from }) => this.#sourceFor(readFileId(body), from).hashes()),
      room.serve(METHOD_END, (body, { from }) => this.#onEnd(body, from)),
    ]
    for (const stored of options.loaded) this.#take(stored, stored.isDone ? 'done' : 'waiting')
  }

  list(): readonly FileTransfer[] {
    return this.#list
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  send(
    to: PeerId,
    file: Blob,
    options: { readonly name?: string; readonly signal?: AbortSignal } = {},
  ): FileTransfer {
    const { name, signal } = option.names('send', options, ['name', 'signal'])
    option.signal('signal', signal)
    signal?.throwIfAborted()
    if (to === this.#options.room.self.peerId || !this.#options.room.member(to))
      throw new OptionError('to', to, 'is the id of another member who is in the room')
    const source = this.#add(file, name)
    this.#offeredTo.set(source.file.id, to)
    const outgoing = this.#give(source, to, true)
    signal?.addEventListener('abort', () => outgoing.cancel(), { once: true })
    return outgoing
  }

  share(file: Blob, options: { readonly name?: string } = {}): SharedFile {
    return this.#add(file, option.names('share', options, ['name']).name).file
  }

  fetch(from: PeerId, file: SharedFile): FileTransfer {
    const checked = readOffer(file)
    if (!checked || from === this.#options.room.self.peerId)
      throw new OptionError('file', file, 'is what another member has shared')
    const known = [...this.#incoming].find(
      (incoming) => incoming.peer === from && incoming.file.id === checked.id && !isFailed(incoming),
    )
    const incoming = known ?? this.#taken(from, checked)
    incoming.accept()
    return incoming
  }

  close(): void {
    this.#controller.abort(new MessagingError('closed', 'this node has ended'))
    for (const stop of this.#stops) stop()
    for (const transfer of [...this.#outgoing.values(), ...this.#incoming]) transfer.close()
  }

  #add(file: Blob, name: string | undefined): FileSource {
    if (!(file instanceof Blob) || file.size > MAX_FILE_BYTES)
      throw new OptionError('file', file, `is a Blob or File of at most ${MAX_FILE_BYTES} bytes`)
    if (name !== undefined && typeof name !== 'string') throw new OptionError('name', name, 'is a text')
    const { random, crypto } = this.#options
    const { name: own = '', lastModified = 0 } = file as Partial<File>
    const shared = { id: randomToken(random), ...fileInfo(file, name ?? own, lastModified) }
    const source = new FileSource(shared, file, crypto)
    this.#sources.set(shared.id, source)
    return source
  }

  #give(source: FileSource, to: PeerId, isOffered: boolean): Outgoing {
    const { room, clock } = this.#options
    const outgoing = new Outgoing(source, to, isOffered, { room, clock, signal: this.#controller.signal })
    this.#outgoing.set(outgoing.id, outgoing)
    this.#addToList(outgoing)
    return outgoing
  }

  #taken(from: PeerId, file: SharedFile): Incoming {
    const key = randomToken(this.#options.random)
    return this.#take({ key, file, from, chunks: new Chunks(file.size), isDone: false }, 'offered')
  }

  #take(stored: StoredFile, state: 'offered' | 'waiting' | 'done'): Incoming {
    const { room, clock, crypto } = this.#options
    const onRemoved = (removed: Incoming) => {
      this.#incoming.delete(removed)
      this.#setList(this.#list.filter((one) => one !== removed))
    }
    const incoming = new Incoming(stored, state, { room, clock, crypto, disk: this.#disk, onRemoved })
    this.#incoming.add(incoming)
    this.#addToList(incoming)
    return incoming
  }

  #addToList(transfer: FileTransfer): void {
    const list = [...this.#list, transfer]
    const oldest = list.length > MAX_LISTED ? list.findIndex((one) => isFailed(one) || isSent(one)) : -1
    for (const gone of oldest >= 0 ? list.splice(oldest, 1) : []) {
      if (gone instanceof Incoming) this.#incoming.delete(gone)
      this.#outgoing.delete(gone.id)
    }
    this.#setList(list)
  }

  #setList(list: readonly FileTransfer[]): void {
    this.#list = list
    this.#listeners.emit()
  }

  #onOffer(body: unknown, from: PeerId): null {
    const file = readOffer(body)
    if (!file) throw new MessagingError('malformed', 'this offers no file')
    const all = [...this.#incoming].filter((incoming) => incoming.peer === from)
    const known = all.find((incoming) => incoming.file.id === file.id)
    if (known && isFailed(known)) throw new MessagingError('gone', 'this transfer is over here')
    const again = known ?? all.find((incoming) => incoming.isSame(from, file))
    if (again) {
      again.offeredAgain(file)
      return null
    }
    if (all.filter((incoming) => incoming.getSnapshot().state === 'offered').length >= MAX_OFFERS)
      throw new MessagingError('queue-full', 'too many files wait for an answer here')
    this.#taken(from, file)
    return null
  }

  #onChunk(body: unknown, from: PeerId): Promise<Uint8Array<ArrayBuffer>> {
    const ask = readChunkAsk(body)
    if (!ask) throw new MessagingError('malformed', 'this asks for no chunk')
    return this.#sourceFor(ask.id, from).chunk(ask.index, ask.bytes)
  }

  /** Throws a MessagingError `gone` where this tab has no such file, or not for this member. */
  #sourceFor(id: string | undefined, from: PeerId): Outgoing {
    const source = id === undefined ? undefined : this.#sources.get(id)
    const only = id === undefined ? undefined : this.#offeredTo.get(id)
    if (!source || (only !== undefined && only !== from))
      throw new MessagingError('gone', 'this tab has no such file')
    const known = this.#outgoing.get(`${source.file.id}.${from}`)
    // A shared file may be asked for again, whatever became of the last time.
    if (known && (only !== undefined || !isOver(known.getSnapshot().state))) return known
    return this.#give(source, from, false)
  }

  #onEnd(body: unknown, from: PeerId): null {
    const end = readEnd(body)
    if (!end) throw new MessagingError('malformed', 'this ends nothing')
    this.#outgoing.get(`${end.id}.${from}`)?.onEnd(end.how, end.reason)
    for (const incoming of this.#incoming)
      if (incoming.peer === from && incoming.file.id === end.id) incoming.onEnd(end.how, end.reason)
    return null
  }
}

function isFailed(transfer: FileTransfer): boolean {
  const { state } = transfer.getSnapshot()
  return isOver(state) && state !== 'done'
}

function isSent(transfer: FileTransfer): boolean {
  return transfer.direction === 'out' && transfer.getSnapshot().state === 'done'
}
