import { type Clock, isTokenId, type PeerId, Turns } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Store, StoreKey, StoreWrite } from '../storage/index.ts'
import { MessagingError } from './errors.ts'
import { decodeBody, type Item } from './item.ts'
import { type Kept, keptWrite, TABLE_MARKS } from './kept.ts'
import { METHOD_MARK, METHOD_STORE, readMark, readStoreBatch } from './messages.ts'
import type { Places } from './places.ts'

/** Senders whose duplicates are known; beyond it the one heard from longest ago is forgotten. */
export const MAX_MARKS = 1_000
/** How far ahead of this device a time is shown as its sender says; beyond it, as when it came. */
const MAX_SHOWN_AHEAD_MS = 5 * 60_000

/** How far a sender's stream is kept here. Numbers up to it are duplicates. */
interface Progress {
  readonly stream: string
  readonly number: number
  /** Of its last message, so that its next never stands before it. */
  readonly at: number
  readonly heardAt: number
}

export interface InboxEvents {
  hasHistory(topic: string): boolean
  /** They are on disk. */
  onKept(kept: readonly Kept[]): void
  /** In the sender's order, duplicates removed. */
  onItem(item: Item, from: PeerId, stream: string): void
}

/** Takes in others' messages of topics with history: on disk first, then answered for. */
export class Inbox {
  readonly #room: Room
  readonly #store: Store
  readonly #clock: Clock
  readonly #places: Places
  readonly #events: InboxEvents
  readonly #marks = new Map<PeerId, Progress>()
  /** One request of a sender at a time: one that was given up and sent again must not overtake itself. */
  readonly #turns = new Turns<PeerId>()
  readonly #stops: (() => void)[]

  constructor(
    room: Room,
    store: Store,
    clock: Clock,
    places: Places,
    marks: Iterable<readonly [StoreKey, unknown]>,
    events: InboxEvents,
  ) {
    this.#room = room
    this.#store = store
    this.#clock = clock
    this.#places = places
    this.#events = events
    for (const [from, row] of marks) {
      const progress = readProgress(row)
      if (progress) this.#marks.set(from as PeerId, progress)
    }
    this.#stops = [
      room.serve(METHOD_MARK, (body, { from }) => this.#turns.run(from, () => this.#mark(body, from))),
      room.serve(METHOD_STORE, (body, { from }) => this.#turns.run(from, () => this.#keep(body, from))),
    ]
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  async #mark(body: unknown, from: PeerId): Promise<number> {
    const asked = readMark(body)
    if (!asked) throw new MessagingError('malformed', 'this is no question for a mark')
    const known = this.#marks.get(from)
    if (known?.stream === asked.stream) return known.number
    const progress: Progress = {
      stream: asked.stream,
      number: asked.floor,
      at: 0,
      heardAt: this.#clock.wall(),
    }
    await this.#store.write([...this.#forgetOldest(from), markWrite(from, progress)], 'strict')
    this.#marks.set(from, progress)
    return progress.number
  }

  async #keep(body: unknown, from: PeerId): Promise<number> {
    const batch = readStoreBatch(body)
    const known = this.#marks.get(from)
    if (!batch || known?.stream !== batch.stream)
      throw new MessagingError('malformed', 'this is no batch of a known stream')
    const fresh = batch.items.filter(
      (item) => item.number > known.number && decodeBody(item.body) !== undefined,
    )
    const kept = this.#place(fresh, from, known)
    const last = Math.max(known.number, (batch.items.at(-1) as Item).number)
    const at = kept.at(-1)?.at ?? known.at
    const progress: Progress = { stream: batch.stream, number: last, at, heardAt: this.#clock.wall() }
    await this.#store.write([...kept.map(keptWrite), markWrite(from, progress)], 'strict')
    this.#marks.set(from, progress)
    this.#events.onKept(kept)
    for (const item of fresh) this.#events.onItem(item, from, batch.stream)
    return progress.number
  }

  #place(items: readonly Item[], from: PeerId, { stream, at: lastAt }: Progress): Kept[] {
    const now = this.#clock.wall()
    const latest = now + MAX_SHOWN_AHEAD_MS
    const name = this.#room.member(from)?.name ?? ''
    let at = lastAt
    const kept: Kept[] = []
    for (const item of items) {
      if (!this.#events.hasHistory(item.topic)) continue
      const place = item.place ?? Math.floor(item.sentAt)
      at = Math.max(at, this.#places.isBelieved(place) ? place : now)
      const sentAt = item.sentAt >= 0 && item.sentAt <= latest ? item.sentAt : now
      // A copy: the body's bytes are a view on the whole frame.
      kept.push({ ...item, sentAt, body: item.body.slice(), from, stream, at, name })
    }
    return kept
  }

  #forgetOldest(keep: PeerId): StoreWrite[] {
    if (this.#marks.size < MAX_MARKS || this.#marks.has(keep)) return []
    const oldest = [...this.#marks].reduce((a, b) => (b[1].heardAt < a[1].heardAt ? b : a))
    this.#marks.delete(oldest[0])
    return [{ table: TABLE_MARKS, key: oldest[0], remove: true }]
  }
}

function markWrite(from: PeerId, value: Progress): StoreWrite {
  return { table: TABLE_MARKS, key: from, value }
}

function readProgress(row: unknown): Progress | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const { stream, number, at, heardAt } = row as Partial<Progress>
  if (
    !isTokenId(stream) ||
    typeof number !== 'number' ||
    typeof at !== 'number' ||
    typeof heardAt !== 'number'
  )
    return undefined
  return { stream, number, at, heardAt }
}
