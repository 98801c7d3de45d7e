import { type Clock, isCount, isPeerId, isRecord, Listeners, type PeerId } from '../../base/index.ts'
import {
  isFinal,
  keepTelling,
  type OtherSession,
  OtherSessions,
  type Room,
  type Tale,
} from '../../mesh/index.ts'
import type { Store, StoreWrite } from '../../storage/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import { readAll } from './messages.ts'

const REQUEST_MS = 5_000
const MAX_VERSION = 2 ** 40
/** Entries that one member may tell, in multiples of those that a room has: two sides of a split have added theirs, and ended some. */
const MAX_TIMES = 3
/** A version that no room counts up to: what says so is believed of its own entry alone. */
const MAX_COUNTED = 2 ** 30

/** One entry; `value` is undefined where it has been ended, remembered so that nobody brings it back. */
export interface TableEntry<T> {
  readonly key: string
  readonly value: T | undefined
  /** Of two, the one with the higher version holds, then the one of the higher author. */
  readonly version: number
  readonly author: PeerId
}

export interface RoomTableKind<T> {
  /** The request by which members tell each other of it, and the table on disk. */
  readonly name: string
  /** That hold. As many again are remembered as ended, so that nobody brings them back. */
  readonly maxEntries: number
  readonly isKey: (value: unknown) => value is string
  /** Undefined for what is no value of this kind. */
  readonly read: (value: unknown) => T | undefined
}

interface Told extends OtherSession {
  version: number
}

/** Instead of a version: this member is of an older build and cannot know. */
const OLDER = -1

/**
 * A small table of the room: every member has all of it, on its disk, and tells it to whoever comes. The later change of an
 * entry holds, by its version and then its author, so all agree whatever way the changes came.
 */
export class RoomTable<T extends Value> {
  readonly #kind: RoomTableKind<T>
  readonly #store: Store
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #entries = new Map<string, TableEntry<T>>()
  readonly #told: OtherSessions<Told>
  /** There is news to tell, or somebody has heard it. */
  readonly #news = new Listeners<[]>()
  readonly #changes = new Listeners<[]>()
  readonly #stop: () => void
  #version = 1

  constructor(
    kind: RoomTableKind<T>,
    room: Room,
    store: Store,
    calls: Calls,
    clock: Clock,
    loaded: readonly TableEntry<T>[],
  ) {
    this.#kind = kind
    this.#store = store
    this.#calls = calls
    this.#clock = clock
    for (const entry of loaded) this.#entries.set(entry.key, entry)
    this.#told = new OtherSessions<Told>(
      room,
      (session) => ({ ...session, version: 0 }),
      (told) => void this.#keepTelling(told),
    )
    calls.serve(kind.name, (body) => this.#onEntries(body))
    this.#stop = room.onMembership(() => this.#onMembership())
    this.#onMembership()
  }

  close(): void {
    this.#stop()
    this.#told.close()
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  *all(): Generator<readonly [string, T], void, undefined> {
    for (const { key, value } of this.#entries.values()) if (value !== undefined) yield [key, value]
  }

  onChange(listener: () => void): () => void {
    return this.#changes.add(listener)
  }

  /**
   * On this disk and known to every member that is here, when it resolves; `undefined` ends the entry. Rejects with a
   * MessagingError `queue-full` when the table has no room, or the store's error.
   */
  async set(key: string, value: T | undefined): Promise<void> {
    const isOneMore = value !== undefined && this.get(key) === undefined
    if (isOneMore && [...this.all()].length >= this.#kind.maxEntries)
      throw new MessagingError('queue-full', `a room has at most ${this.#kind.maxEntries} of these`)
    const entry: TableEntry<T> = { key, value, version: this.#nextVersion(key), author: this.#calls.self }
    await this.#store.write([this.#write(entry)], 'strict')
    this.#entries.set(key, entry)
    await this.#forgetEnded()
    this.#changed()
    await this.#everybodyKnows(this.#version)
  }

  /** Later than all that is known: one of this name may have ended and been forgotten here, and not elsewhere. */
  #nextVersion(key: string): number {
    let highest = this.#entries.get(key)?.version ?? 0
    for (const { version } of this.#entries.values())
      if (version <= MAX_COUNTED) highest = Math.max(highest, version)
    return highest + 1
  }

  /** Of the ended ones as many as may hold; those of the latest changes, the same ones everywhere. */
  async #forgetEnded(): Promise<void> {
    const ended = this.#ended()
    const forgotten = ended.slice(0, Math.max(0, ended.length - this.#kind.maxEntries))
    if (forgotten.length === 0) return
    for (const { key } of forgotten) this.#entries.delete(key)
    const removes = forgotten.map(({ key }) => ({ table: this.#kind.name, key, remove: true }) as const)
    await this.#store.write(removes, 'relaxed')
  }

  /** The oldest first. */
  #ended(): readonly TableEntry<T>[] {
    return [...this.#entries.values()].filter(({ value }) => value === undefined).sort(compareEnded)
  }

  #changed(): void {
    this.#version++
    this.#changes.emit()
    this.#news.emit()
  }

  #everybodyKnows(version: number): Promise<void> {
    const isKnown = () => [...this.#told].every((told) => told.version >= version || told.version === OLDER)
    if (isKnown()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (!isKnown()) return
        stop()
        resolve()
      }
      const stop = this.#news.add(look)
    })
  }

  #onMembership(): void {
    this.#told.follow()
    this.#news.emit()
  }

  #keepTelling(told: Told): Promise<void> {
    return keepTelling({
      clock: this.#clock,
      signal: told.signal,
      news: this.#news,
      tell: () => (told.version < this.#version ? this.#tell(told) : undefined),
    })
  }

  #tell(told: Told): Tale {
    const version = this.#version
    const options = { timeoutMs: REQUEST_MS, signal: told.signal, bytes: this.#entries.size * 256 }
    return {
      answer: this.#calls.request(told.peerId, this.#kind.name, this.#toWire(), options),
      heard: async (answer) => {
        told.version = version
        await this.#merge(answer)
        this.#news.emit()
      },
      failed: (error) => {
        // It cannot know: nobody waits for it. What changes later is told again.
        if (isFinal(error)) told.version = version
        if ((error as { code?: unknown }).code === 'no-such-method') told.version = OLDER
        this.#news.emit()
      },
    }
  }

  #toWire(): Value {
    return [...this.#entries.values()].map(({ key, value, version, author }) => [
      key,
      value ?? null,
      version,
      author,
    ])
  }

  async #onEntries(body: unknown): Promise<Value> {
    await this.#merge(body)
    return this.#toWire()
  }

  /** On disk before it is answered for. */
  async #merge(body: unknown): Promise<void> {
    const entries = readAll(body, MAX_TIMES * this.#kind.maxEntries, (row) => readEntry(this.#kind, row))
    if (!entries) throw new MessagingError('malformed', 'these are no entries of the table')
    const news = entries.filter((entry) => this.#isNews(entry))
    if (news.length === 0) return
    await this.#store.write(
      news.map((entry) => this.#write(entry)),
      'strict',
    )
    const taken = news.filter((entry) => this.#isNews(entry))
    for (const entry of taken) this.#entries.set(entry.key, entry)
    await this.#forgetEnded()
    if (taken.length > 0) this.#changed()
  }

  #isNews(entry: TableEntry<T>): boolean {
    const known = this.#entries.get(entry.key)
    if (!known) return this.#hasRoomFor(entry)
    if (known.version !== entry.version) return entry.version > known.version
    return entry.author > known.author
  }

  /** What two sides of a split have added is all kept; of ended ones that are too many, the oldest are nothing new. */
  #hasRoomFor(entry: TableEntry<T>): boolean {
    const { maxEntries } = this.#kind
    if (entry.value !== undefined) return [...this.all()].length < (MAX_TIMES - 1) * maxEntries
    const ended = this.#ended()
    return ended.length < maxEntries || compareEnded(ended[0] as TableEntry<T>, entry) < 0
  }

  #write({ key, value, version, author }: TableEntry<T>): StoreWrite {
    return { table: this.#kind.name, key, value: [key, value ?? null, version, author] }
  }
}

/** Versions beyond what is counted are nobody's work of years: they push out no other. */
function rankOf({ version }: TableEntry<unknown>): number {
  return version > MAX_COUNTED ? 0 : version
}

function compareEnded(a: TableEntry<unknown>, b: TableEntry<unknown>): number {
  return rankOf(a) - rankOf(b) || (a.key < b.key ? -1 : 1)
}

/** What this disk knows of a table. */
export async function loadTable<T extends Value>(
  store: Store,
  kind: RoomTableKind<T>,
): Promise<readonly TableEntry<T>[]> {
  return (await store.entries(kind.name)).flatMap(([, row]) => readEntry(kind, row) ?? [])
}

function readEntry<T>(kind: RoomTableKind<T>, row: unknown): TableEntry<T> | undefined {
  if (!Array.isArray(row) || row.length !== 4) return undefined
  const [key, given, version, author] = row as readonly unknown[]
  if (!kind.isKey(key) || !isCount(version) || version > MAX_VERSION || !isPeerId(author)) return undefined
  const value = given === null ? undefined : kind.read(given)
  if (given !== null && value === undefined) return undefined
  return { key, value, version, author }
}

/** The row's own fields, for kinds whose values are objects. */
export function rowOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}
