import { deleteDB, type IDBPDatabase, openDB } from 'idb'
import { StoreError, type StoreErrorCode } from './errors.ts'
import type { Store, StoreKey, StoreRange, StoreWrite } from './store.ts'

type Database = IDBPDatabase<unknown>
type End = 'closed' | 'forgotten' | 'lost'

/** How long another tab may keep an older version of the database open. */
const BLOCKED_MS = 5_000
/** A database that the browser has closed is looked for again, each time after so long. */
const REOPEN_MS = [0, 100, 400, 1_500, 5_000]

/**
 * The store in the IndexedDB database `name`, one object store for each table; tables that it lacks are added. Rejects
 * with a StoreError `unavailable` when the browser refuses.
 */
export async function openIndexedDbStore(name: string, tables: readonly string[]): Promise<Store> {
  const store = new IndexedDbStore(name, tables)
  await store.open()
  return store
}

/** Deletes the database; stores that have it open in any tab end with `forgotten`. */
export async function deleteIndexedDbStore(name: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const blocked = () => void setTimeout(() => reject(blockedError()), BLOCKED_MS)
      deleteDB(name, { blocked }).then(resolve, reject)
    })
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError('unavailable', `the browser could not delete the database ${name}`, { cause })
  }
}

/**
 * A handle that dies (browsers close it on their own; WebKit loses its server) is opened again once, by the next call.
 * A read runs again then. A write runs again only when its transaction could not be made: one that was under way rejects
 * with `lost`.
 */
class IndexedDbStore implements Store {
  readonly #name: string
  readonly #tables: readonly string[]
  #database: Database | undefined
  #opening: Promise<Database> | undefined
  #end: ((how: End) => void) | undefined
  /** It has been open: a database that is new at the next opening is not the one that was written to. */
  #wasOpen = false
  readonly closed: Promise<End>

  constructor(name: string, tables: readonly string[]) {
    this.#name = name
    this.#tables = tables
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async open(): Promise<Database> {
    if (!this.#end) throw new StoreError('closed', 'the store is closed')
    if (this.#database) return this.#database
    this.#opening ??= this.#openDatabase().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  get(table: string, key: StoreKey): Promise<unknown> {
    return this.#read((database) => database.get(table, keyOf(key)))
  }

  entries(table: string, range: StoreRange = {}): Promise<readonly (readonly [StoreKey, unknown])[]> {
    return this.#read(async (database) => {
      const store = database.transaction(table).store
      const [keys, values] = await Promise.all([
        store.getAllKeys(rangeOf(range), range.limit),
        store.getAll(rangeOf(range), range.limit),
      ])
      return keys.map((key, i) => [key as StoreKey, values[i]] as const)
    })
  }

  keys(table: string, range: StoreRange = {}): Promise<readonly StoreKey[]> {
    return this.#read(
      async (database) => (await database.getAllKeys(table, rangeOf(range), range.limit)) as StoreKey[],
    )
  }

  async write(writes: readonly StoreWrite[], durability: 'relaxed' | 'strict'): Promise<void> {
    if (writes.length === 0) return
    const tables = [...new Set(writes.map(({ table }) => table))]
    const begin = async () => (await this.open()).transaction(tables, 'readwrite', { durability })
    const transaction = await begin().catch((error) => {
      if (!isHandleLost(error)) throw storeErrorOf(error)
      this.#dropHandle()
      return begin().catch((again) => {
        throw storeErrorOf(again)
      })
    })
    const done = transaction.done.catch((error) => {
      if (isHandleLost(error)) this.#dropHandle()
      throw storeErrorOf(error, 'lost')
    })
    try {
      for (const write of writes) request(transaction.objectStore(write.table), write)
    } catch (error) {
      transaction.abort()
      await done.catch(() => {
        // The abort is ours; what threw is the reason.
      })
      throw error
    }
    commit(transaction)
    await done
  }

  async usage(): Promise<{ usedBytes: number; quotaBytes: number } | undefined> {
    try {
      const { usage, quota } = await navigator.storage.estimate()
      return usage === undefined || quota === undefined ? undefined : { usedBytes: usage, quotaBytes: quota }
    } catch {
      // Absent or failing on some platforms, which is an answer of its own: unknown.
      return undefined
    }
  }

  async close(): Promise<void> {
    this.#finish('closed')
  }

  async #read<T>(run: (database: Database) => Promise<T>): Promise<T> {
    try {
      return await run(await this.open())
    } catch (error) {
      if (!isHandleLost(error)) throw storeErrorOf(error)
      this.#dropHandle()
      return run(await this.open()).catch((again) => {
        throw storeErrorOf(again)
      })
    }
  }

  async #openDatabase(): Promise<Database> {
    let database = await this.#openVersion(undefined)
    const isComplete = (opened: Database) =>
      this.#tables.every((table) => opened.objectStoreNames.contains(table))
    if (!isComplete(database)) {
      const next = database.version + 1
      database.close()
      database = await this.#openVersion(next)
    }
    this.#wasOpen = true
    if (this.#end) this.#database = database
    else database.close()
    return database
  }

  /** Site data was cleared under us. Nothing is kept of the empty database that stands in its place. */
  #lost(database: Database): StoreError {
    database.close()
    this.#finish('lost')
    deleteDB(this.#name).catch(() => {
      // An empty database is left, and no harm done.
    })
    return new StoreError('lost', 'the data of this page was deleted while it was open')
  }

  #openVersion(version: number | undefined): Promise<Database> {
    return new Promise((resolve, reject) => {
      let isGivenUp = false
      let isNew = false
      const open = async () =>
        openDB(this.#name, version, {
          upgrade: (database, before) => {
            isNew = before === 0
            for (const table of this.#tables) {
              if (!database.objectStoreNames.contains(table)) database.createObjectStore(table)
            }
          },
          blocked: () => {
            setTimeout(() => {
              isGivenUp = true
              reject(blockedError())
            }, BLOCKED_MS)
          },
          blocking: (_current, next) => this.#finish(next === null ? 'forgotten' : 'lost'),
          terminated: () => void this.#onTerminated(),
        })
      // Some browsers throw from `open` itself when they refuse.
      open().then(
        (database) => {
          // Nobody would use it, and it would block the next one.
          if (isGivenUp) database.close()
          else if (isNew && this.#wasOpen) reject(this.#lost(database))
          else resolve(database)
        },
        (cause) => reject(storeErrorOf(cause, 'unavailable')),
      )
    })
  }

  /** The browser has closed it. Whether the data is still there is found out soon, not at the next write. */
  async #onTerminated(): Promise<void> {
    this.#dropHandle()
    for (const ms of REOPEN_MS) {
      await new Promise((resolve) => setTimeout(resolve, ms))
      if (!this.#end || this.#database) return
      await this.open().catch(() => {
        // While the browser clears the data it refuses; the next try, or the next call, finds out what became of it.
      })
    }
  }

  #dropHandle(): void {
    const database = this.#database
    this.#database = undefined
    database?.close()
  }

  #finish(how: End): void {
    this.#dropHandle()
    this.#end?.(how)
    this.#end = undefined
  }
}

interface WritableTable {
  put?(value: unknown, key: IDBValidKey): Promise<unknown>
  delete?(key: IDBValidKey | IDBKeyRange): Promise<unknown>
}

function request(table: WritableTable, write: StoreWrite): void {
  const made =
    'remove' in write
      ? table.delete?.('range' in write ? (rangeOf(write.range) ?? everything()) : keyOf(write.key))
      : table.put?.(write.value, keyOf(write.key))
  made?.catch(() => {
    // A failed request aborts the transaction, and `done` says so.
  })
}

/** Without it the browser begins to commit only once this page has heard of each request: one more way there and back. */
function commit(transaction: { commit(): void }): void {
  try {
    transaction.commit()
  } catch {
    // It has ended already, and `done` says how.
  }
}

function blockedError(): StoreError {
  return new StoreError('unavailable', 'another tab keeps the database open: close or reload it')
}

/** Every key is at least minus infinity. */
const everything = () => IDBKeyRange.lowerBound(Number.NEGATIVE_INFINITY)

function keyOf(key: StoreKey): IDBValidKey {
  return typeof key === 'object' ? [...key] : key
}

function rangeOf({ from, to }: StoreRange): IDBKeyRange | undefined {
  if (from !== undefined && to !== undefined) return IDBKeyRange.bound(keyOf(from), keyOf(to))
  if (from !== undefined) return IDBKeyRange.lowerBound(keyOf(from))
  return to === undefined ? undefined : IDBKeyRange.upperBound(keyOf(to))
}

/** By name where there is one of its own; WebKit's and Chromium's lost servers are an UnknownError with a text. */
function isHandleLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'InvalidStateError') return true
  return error.name === 'UnknownError' && /connection|lost|backing store/i.test(error.message)
}

function storeErrorOf(error: unknown, lost: StoreErrorCode = 'unavailable'): Error {
  if (error instanceof StoreError) return error
  const name = error instanceof Error ? error.name : ''
  if (name === 'QuotaExceededError') {
    return new StoreError('quota', 'the disk or the quota of this browser is full', { cause: error })
  }
  if (isHandleLost(error)) return new StoreError(lost, 'the browser lost the database', { cause: error })
  if (name === 'AbortError')
    return new StoreError('conflict', 'the browser aborted the write', { cause: error })
  if (name === 'DataError' || name === 'NotReadableError') {
    return new StoreError('corrupt', 'the database cannot be read', { cause: error })
  }
  return new StoreError('unavailable', 'the browser refuses to open its database', { cause: error })
}
