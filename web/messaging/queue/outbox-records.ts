import { GroupCommit, isCount } from '../../base/index.ts'
import type { Store, StoreKey, StoreWrite } from '../../storage/index.ts'
import { storeFailure } from '../store-failure.ts'
import type { OutboxDraft } from './draft.ts'
import { TABLE_SENDING, TABLE_STREAMS } from './tables.ts'

/** Numbers that are set aside at once, and how many before the last the next are. */
const RESERVE = 1_000
const RESERVE_EARLY = 500

/** Several that are committed together: one record. */
export interface OutboxRecord {
  readonly first: number
  left: number
  isWritten: boolean
}

/** What a record is made of. */
export interface Kept {
  readonly number: number
  readonly draft: OutboxDraft
  /** Undefined until it is written. */
  record: OutboxRecord | undefined
  /** It needs none any more. */
  isSafe: boolean
}

export interface LoadedOutbox {
  readonly queue: string
  readonly stream: string
  readonly next: number
  readonly records: readonly {
    readonly first: number
    readonly drafts: readonly (OutboxDraft & { readonly number: number })[]
  }[]
}

/** One sender's part of this disk: which numbers may be in use, and the messages that nobody has confirmed. */
export class OutboxRecords {
  readonly #store: Store
  readonly #queue: string
  readonly #stream: string
  readonly #commits: GroupCommit<Kept, undefined>
  /** Numbers below it are set aside. */
  #reserved: number
  #reserving: Promise<void> | undefined
  #removes: StoreWrite[] = []

  constructor(store: Store, queue: string, stream: string, reserved: number) {
    this.#store = store
    this.#queue = queue
    this.#stream = stream
    this.#reserved = reserved
    this.#commits = new GroupCommit((inputs) => this.#commit(inputs))
  }

  /** Whether the number is set aside; sees to it in time that the next ones are. */
  mayUse(number: number): boolean {
    const isReserved = number < this.#reserved
    if (isReserved && number >= this.#reserved - RESERVE_EARLY) {
      this.reserve().catch(() => {
        // Who needs one of them asks again, and is told.
      })
    }
    return isReserved
  }

  /** Sets more numbers aside. Rejects with a MessagingError `quota` or `store`. */
  reserve(): Promise<void> {
    const next = this.#reserved + RESERVE
    const value = { stream: this.#stream, next }
    this.#reserving ??= this.#store
      .write([{ table: TABLE_STREAMS, key: this.#queue, value }], 'strict')
      .then(() => {
        this.#reserved = next
      })
      .catch((error: unknown) => {
        throw storeFailure(error)
      })
      .finally(() => {
        this.#reserving = undefined
      })
    return this.#reserving
  }

  /** Resolves when it is on disk, or safe without that. Rejects with the store's error. */
  async keep(kept: Kept): Promise<void> {
    await this.#commits.run(kept)
  }

  /** It is safe elsewhere. */
  release(kept: Kept): void {
    kept.isSafe = true
    const { record } = kept
    if (record && --record.left === 0 && record.isWritten) this.#remove(record)
  }

  /** What has become safe meanwhile needs no record. */
  async #commit(inputs: readonly Kept[]): Promise<readonly undefined[]> {
    const unsafe = inputs.filter(({ isSafe }) => !isSafe)
    const first = unsafe[0]?.number
    if (first !== undefined) {
      const record: OutboxRecord = { first, left: unsafe.length, isWritten: false }
      for (const kept of unsafe) kept.record = record
      const value = unsafe.map(({ number, draft }) => ({ ...draft, number }))
      await this.#store.write([{ table: TABLE_SENDING, key: [this.#queue, first], value }], 'strict')
      record.isWritten = true
      if (record.left === 0) this.#remove(record)
    }
    return inputs.map(() => undefined)
  }

  #remove({ first }: OutboxRecord): void {
    this.#removes.push({ table: TABLE_SENDING, key: [this.#queue, first], remove: true })
    // Those of one turn go together.
    if (this.#removes.length === 1) void Promise.resolve().then(() => this.#removeAll())
  }

  #removeAll(): void {
    const removes = this.#removes.splice(0)
    this.#store.write(removes, 'relaxed').catch(() => {
      // A record that stays is sent once more after a reload, and the owner knows its numbers.
    })
  }
}

/** Everything that waited on disk when the node began. */
export async function loadOutboxes(store: Store): Promise<readonly LoadedOutbox[]> {
  const [streams, rows] = await Promise.all([store.entries(TABLE_STREAMS), store.entries(TABLE_SENDING)])
  return streams.flatMap(([queue, row]) => {
    const { stream, next } = (row ?? {}) as { stream?: unknown; next?: unknown }
    if (typeof queue !== 'string' || typeof stream !== 'string' || !isCount(next)) return []
    const records = rows.flatMap(([key, drafts]) => readRecord(queue, key, drafts))
    return [{ queue, stream, next, records }]
  })
}

function readRecord(queue: string, key: StoreKey, drafts: unknown): LoadedOutbox['records'] {
  const [name, first] = Array.isArray(key) ? (key as readonly unknown[]) : []
  if (name !== queue || typeof first !== 'number' || !Array.isArray(drafts)) return []
  return [{ first, drafts: drafts as (OutboxDraft & { readonly number: number })[] }]
}
