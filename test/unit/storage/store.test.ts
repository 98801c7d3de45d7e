import 'fake-indexeddb/auto'
import { forceCloseDatabase, IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryDisk, type Store } from '../../../web/storage/index.ts'
import { deleteIndexedDbStore, openIndexedDbStore } from '../../../web/storage/indexeddb.ts'
import { type StoreFactory, storeCases } from '../../contract/store.ts'

const disks = new Map<string, MemoryDisk>()
const memory: StoreFactory = {
  open(name, tables) {
    const disk = disks.get(name) ?? new MemoryDisk()
    disks.set(name, disk)
    return disk.open(tables)
  },
}
const indexedDb: StoreFactory = { open: openIndexedDbStore }

afterEach(() => vi.restoreAllMocks())

for (const [adapter, factory] of [
  ['memory', memory],
  ['IndexedDB', indexedDb],
] as const) {
  describe(`store contract, ${adapter}`, () => {
    for (const { title, run } of storeCases) test(title, () => run(factory, `${adapter} ${title}`))
  })
}

describe('memory store faults', () => {
  test('STO6 a full disk rejects with quota and writes nothing', async () => {
    const disk = new MemoryDisk()
    const store = await disk.open(['one'])
    await store.write([{ table: 'one', key: 1, value: new ArrayBuffer(100) }], 'relaxed')
    disk.faults.quotaBytes = 150
    const write = store.write(
      [
        { table: 'one', key: 2, value: new ArrayBuffer(20) },
        { table: 'one', key: 3, value: new ArrayBuffer(100) },
      ],
      'relaxed',
    )
    await expect(write).rejects.toMatchObject({ code: 'quota' })
    expect(await store.keys('one')).toEqual([1])
    await store.write([{ table: 'one', key: 1, value: new ArrayBuffer(120) }], 'relaxed')
    expect(disk.usedBytes).toBe(120)
  })

  test('STO6 a refused open rejects with unavailable', async () => {
    const disk = new MemoryDisk()
    disk.faults.isOpenRefused = true
    await expect(disk.open(['one'])).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('STO7 a write whose outcome is unknown rejects with lost', async () => {
    const disk = new MemoryDisk()
    const store = await disk.open(['one'])
    for (const outcome of ['written', 'not-written'] as const) {
      disk.faults.nextWriteLost = outcome
      const write = store.write([{ table: 'one', key: outcome, value: 1 }], 'relaxed')
      await expect(write).rejects.toMatchObject({ code: 'lost' })
    }
    expect(await store.keys('one')).toEqual(['written'])
  })

  test('STO8 a store that is forgotten ends with forgotten', async () => {
    const disk = new MemoryDisk()
    const store = await disk.open(['one'])
    disk.forget()
    expect(await store.closed).toBe('forgotten')
    await expect(store.get('one', 1)).rejects.toMatchObject({ code: 'closed' })
  })
})

type FakeDatabase = Parameters<typeof forceCloseDatabase>[0]

/** The browser closes the database behind this name on its own. */
async function forceClosed(name: string): Promise<{ store: Store; close: () => void }> {
  const open = vi.spyOn(indexedDB, 'open')
  const store = await openIndexedDbStore(name, ['one'])
  const database = (open.mock.results[0] as { value: IDBOpenDBRequest }).value.result
  open.mockRestore()
  return { store, close: () => forceCloseDatabase(database as unknown as FakeDatabase) }
}

describe('IndexedDB faults', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('STO8 a store whose data was cleared while it was open ends with lost, and nothing empty takes its place', async () => {
    const { store, close } = await forceClosed('cleared')
    await store.write([{ table: 'one', key: 1, value: 1 }], 'relaxed')
    const empty = new IDBFactory()
    vi.stubGlobal('indexedDB', empty)
    close()
    expect(await store.closed).toBe('lost')
    await expect(store.get('one', 1)).rejects.toMatchObject({ code: 'closed' })
    await vi.waitFor(async () => expect(await empty.databases()).toEqual([]))
  })

  test('STO7 a store that the browser closed goes on with what it had', async () => {
    const { store, close } = await forceClosed('reopened')
    await store.write([{ table: 'one', key: 1, value: 'kept' }], 'relaxed')
    close()
    expect(await store.get('one', 1)).toBe('kept')
    await store.close()
    expect(await store.closed).toBe('closed')
  })

  test('STO6 a refused open rejects with unavailable', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('A mutation operation was attempted', 'InvalidAccessError')
    })
    await expect(openIndexedDbStore('refused', ['one'])).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('STO6 a quota error in a transaction rejects with quota', async () => {
    const store = await openIndexedDbStore('quota', ['one'])
    const put = failWrites(new DOMException('full', 'QuotaExceededError'))
    const write = store.write([{ table: 'one', key: 1, value: 1 }], 'relaxed')
    await expect(write).rejects.toMatchObject({ code: 'quota' })
    put.mockRestore()
    expect(await store.keys('one')).toEqual([])
    await store.close()
  })

  test('STO3 a write is committed at once: its way to the disk and back is one', async () => {
    const store = await openIndexedDbStore('at once', ['one'])
    const events: string[] = []
    const commit = IDBTransaction.prototype.commit
    vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementation(function (this: IDBTransaction) {
      events.push('commit')
      commit.call(this)
    })
    const put = IDBObjectStore.prototype.put
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
      const made = put.apply(this, args)
      made.addEventListener('success', () => events.push('success'))
      return made
    })
    const writes = [1, 2].map((key) => ({ table: 'one', key, value: key }))
    await store.write(writes, 'strict')
    expect(events).toEqual(['commit', 'success', 'success'])
    expect(await store.keys('one')).toEqual([1, 2])
    await store.close()
  })

  test('STO7 a handle that died is opened again once', async () => {
    const store = await openIndexedDbStore('died', ['one'])
    await store.write([{ table: 'one', key: 1, value: 'a' }], 'relaxed')
    failTransactions(1)
    expect(await store.get('one', 1)).toBe('a')
    failTransactions(1)
    await store.write([{ table: 'one', key: 2, value: 'b' }], 'relaxed')
    expect(await store.keys('one')).toEqual([1, 2])
    failTransactions(2)
    await expect(store.get('one', 1)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await store.get('one', 2)).toBe('b')
    await store.close()
  })

  test('STO7 a write that was under way when the handle died is not repeated', async () => {
    const store = await openIndexedDbStore('under way', ['one'])
    const lost = 'Connection to Indexed Database server lost. Refresh the page to try again'
    const put = failWrites(new DOMException(lost, 'UnknownError'))
    const write = store.write([{ table: 'one', key: 1, value: 1 }], 'relaxed')
    await expect(write).rejects.toMatchObject({ code: 'lost' })
    expect(put).toHaveBeenCalledTimes(1)
    put.mockRestore()
    await store.close()
  })

  test('STO8 another tab that deletes the database ends the store with forgotten', async () => {
    const store: Store = await openIndexedDbStore('deleted', ['one'])
    await deleteIndexedDbStore('deleted')
    expect(await store.closed).toBe('forgotten')
    await expect(store.get('one', 1)).rejects.toMatchObject({ code: 'closed' })
  })

  test('STO8 a tab that keeps the database is named after five seconds, and what opens later is let go', async () => {
    const holder = await heldDatabase('held')
    const closed = vi.spyOn(IDBDatabase.prototype, 'close')
    const open = openIndexedDbStore('held', ['one'])
    await expect(open).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('another tab'),
    })
    closed.mockClear()
    holder.close()
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(2))
    closed.mockRestore()
    await deleteIndexedDbStore('held')
  }, 10_000)

  test('STO8 deleting waits five seconds for a tab that keeps the database', async () => {
    const holder = await heldDatabase('kept')
    await expect(deleteIndexedDbStore('kept')).rejects.toMatchObject({ code: 'unavailable' })
    holder.close()
  }, 10_000)

  test('STO5 an estimate that throws is an unknown usage', async () => {
    const store = await openIndexedDbStore('estimate', ['one'])
    vi.stubGlobal('navigator', {
      storage: { estimate: () => Promise.reject(new TypeError('internal error')) },
    })
    expect(await store.usage()).toBeUndefined()
    vi.stubGlobal('navigator', {})
    expect(await store.usage()).toBeUndefined()
    vi.unstubAllGlobals()
    await store.close()
  })
})

/** A tab that does not let its handle go, as a frozen one. */
function heldDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve) => {
    const request = indexedDB.open(name, 1)
    request.onsuccess = () => resolve(request.result)
  })
}

/** The next transactions cannot be made: the browser is closing the handle. */
function failTransactions(times: number): void {
  const spy = vi.spyOn(IDBDatabase.prototype, 'transaction')
  for (let i = 0; i < times; i++) {
    spy.mockImplementationOnce(() => {
      throw new DOMException('The database connection is closing.', 'InvalidStateError')
    })
  }
}

/** Every write is accepted and its transaction then aborted for this reason. */
function failWrites(reason: DOMException) {
  const put = IDBObjectStore.prototype.put
  return vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    ...args
  ) {
    const request = put.apply(this, args)
    Object.defineProperty(this.transaction, 'error', { value: reason })
    this.transaction.abort()
    return request
  })
}
