import { StoreError } from './errors.ts'
import { compareKeys, isInRange, keyText } from './key.ts'
import type { Store, StoreKey, StoreRange, StoreWrite } from './store.ts'

/** What goes wrong with a memory disk from now on; for tests of the layers above. */
export interface MemoryFaults {
  /** Writes that would take more reject with `quota`. Default: 1 GiB. */
  quotaBytes: number
  /** Opening rejects with `unavailable`. */
  isOpenRefused: boolean
  /** `usage()` says nothing, as some platforms do. */
  isUsageUnknown: boolean
  /** The next write rejects with `lost`; whether it took effect is in the value. */
  nextWriteLost: 'written' | 'not-written' | undefined
}

interface Entry {
  readonly key: StoreKey
  readonly value: unknown
  readonly bytes: number
}

interface Table {
  readonly entries: Map<string, Entry>
  /** In key order; undefined after a change of the key set. */
  sorted: Entry[] | undefined
}

/** What outlives a {@link Store} in memory, as a disk does: opening it again finds what was written. */
export class MemoryDisk {
  readonly faults: MemoryFaults = {
    quotaBytes: 2 ** 30,
    isOpenRefused: false,
    isUsageUnknown: false,
    nextWriteLost: undefined,
  }
  readonly #tables = new Map<string, Table>()
  #open: MemoryStore | undefined
  usedBytes = 0

  /** The store that was opened last, ended or not. */
  get current(): Store | undefined {
    return this.#open
  }

  /** A store of its own; the one that was open before ends, since a disk has one user. */
  async open(tables: readonly string[]): Promise<Store> {
    if (this.faults.isOpenRefused) throw new StoreError('unavailable', 'the store cannot be opened')
    await this.#open?.close()
    for (const name of tables) {
      if (!this.#tables.has(name)) this.#tables.set(name, { entries: new Map(), sorted: undefined })
    }
    this.#open = new MemoryStore(this, this.#tables)
    return this.#open
  }

  /** Another tab forgets the room: everything is deleted and an open store ends with `forgotten`. */
  forget(): void {
    this.#tables.clear()
    this.usedBytes = 0
    this.#open?.end('forgotten')
  }

  /** Changes what is stored without the store's knowledge, as a failing disk does. False when the key is absent. */
  damage(table: string, key: StoreKey, value: unknown): boolean {
    const known = this.#tables.get(table)
    const text = keyText(key)
    if (!known?.entries.has(text)) return false
    known.entries.set(text, { key, value, bytes: sizeOf(value) })
    known.sorted = undefined
    return true
  }
}

/** Copies on write and on read, so that no caller shares an object with the store. */
class MemoryStore implements Store {
  readonly #disk: MemoryDisk
  readonly #tables: Map<string, Table>
  #end: ((how: 'closed' | 'forgotten') => void) | undefined
  readonly closed: Promise<'closed' | 'forgotten' | 'lost'>

  constructor(disk: MemoryDisk, tables: Map<string, Table>) {
    this.#disk = disk
    this.#tables = tables
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async get(table: string, key: StoreKey): Promise<unknown> {
    return structuredClone(this.#table(table).entries.get(keyText(key))?.value)
  }

  async entries(table: string, range: StoreRange = {}): Promise<readonly (readonly [StoreKey, unknown])[]> {
    return this.#select(table, range).map(({ key, value }) => [key, structuredClone(value)] as const)
  }

  async keys(table: string, range: StoreRange = {}): Promise<readonly StoreKey[]> {
    return this.#select(table, range).map(({ key }) => key)
  }

  async write(writes: readonly StoreWrite[], _durability: 'relaxed' | 'strict'): Promise<void> {
    const changes = this.#changes(writes)
    const fault = this.#disk.faults.nextWriteLost
    this.#disk.faults.nextWriteLost = undefined
    if (fault !== 'not-written') this.#apply(changes)
    if (fault) throw new StoreError('lost', 'the handle was lost while writing')
  }

  async usage(): Promise<{ usedBytes: number; quotaBytes: number } | undefined> {
    if (this.#disk.faults.isUsageUnknown) return undefined
    return { usedBytes: this.#disk.usedBytes, quotaBytes: this.#disk.faults.quotaBytes }
  }

  async close(): Promise<void> {
    this.end('closed')
  }

  end(how: 'closed' | 'forgotten'): void {
    this.#end?.(how)
    this.#end = undefined
  }

  /** In the order of the writes; undefined means removed. */
  #changes(writes: readonly StoreWrite[]): [Table, string, Entry | undefined][] {
    return writes.flatMap((write): [Table, string, Entry | undefined][] => {
      const table = this.#table(write.table)
      if ('range' in write) {
        return this.#select(write.table, write.range).map(({ key }) => [table, keyText(key), undefined])
      }
      const text = keyText(write.key)
      if ('remove' in write) return [[table, text, undefined]]
      const value = structuredClone(write.value)
      return [[table, text, { key: write.key, value, bytes: sizeOf(value) }]]
    })
  }

  #apply(changes: readonly [Table, string, Entry | undefined][]): void {
    const before = new Map<Table, Map<string, number>>()
    let grown = 0
    for (const [table, text, entry] of changes) {
      const sizes = before.get(table) ?? new Map<string, number>()
      before.set(table, sizes)
      grown += (entry?.bytes ?? 0) - (sizes.get(text) ?? table.entries.get(text)?.bytes ?? 0)
      sizes.set(text, entry?.bytes ?? 0)
    }
    if (grown > 0 && this.#disk.usedBytes + grown > this.#disk.faults.quotaBytes) {
      throw new StoreError('quota', 'the disk is full')
    }
    this.#disk.usedBytes += grown
    for (const [table, text, entry] of changes) {
      if (entry) table.entries.set(text, entry)
      else table.entries.delete(text)
      table.sorted = undefined
    }
  }

  #select(name: string, range: StoreRange): readonly Entry[] {
    const table = this.#table(name)
    table.sorted ??= [...table.entries.values()].sort((a, b) => compareKeys(a.key, b.key))
    if (range.from === undefined && range.to === undefined) return table.sorted.slice(0, range.limit)
    return table.sorted.filter(({ key }) => isInRange(key, range)).slice(0, range.limit)
  }

  #table(name: string): Table {
    if (!this.#end) throw new StoreError('closed', 'the store is closed')
    const table = this.#tables.get(name)
    if (!table) throw new TypeError(`the store has no table ${name}`)
    return table
  }
}

/** Near enough to what a disk would take, and the same for the same value. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length * 2
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength
  if (value instanceof Map) return sizeOf([...value])
  if (value instanceof Set) return sizeOf([...value])
  if (typeof value !== 'object' || value === null) return 8
  return Object.entries(value).reduce((sum, [key, part]) => sum + key.length * 2 + sizeOf(part), 16)
}
