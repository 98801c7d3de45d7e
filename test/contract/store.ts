import type { Store } from '../../web/storage/index.ts'

/** One adapter's way to a disk of its own for each test. */
export interface StoreFactory {
  /** Opens the disk `name` with these tables; the same name finds what was written. */
  open(name: string, tables: readonly string[]): Promise<Store>
}

export interface StoreCase {
  readonly title: string
  /** Throws when the rule does not hold. `name` is a disk that nobody has used. */
  run(factory: StoreFactory, name: string): Promise<void>
}

const TABLES = ['one', 'two']

/** The rules of the store port, without a test runner so that they run in a page too. */
export const storeCases: readonly StoreCase[] = [
  {
    title: 'STO1 what was written is read after opening again',
    run: async (factory, name) => {
      const first = await factory.open(name, TABLES)
      await first.write(
        [{ table: 'one', key: 'a', value: { text: 'é', at: new Date(5), big: 7n } }],
        'strict',
      )
      await first.close()
      equal(await first.closed, 'closed')
      const second = await factory.open(name, TABLES)
      equal(await second.get('one', 'a'), { text: 'é', at: new Date(5), big: 7n })
      equal(await second.get('one', 'b'), undefined)
      await second.close()
    },
  },
  {
    title: 'STO1 a table that the disk lacks is added and the others stay',
    run: async (factory, name) => {
      const first = await factory.open(name, ['one'])
      await first.write([{ table: 'one', key: 1, value: 'kept' }], 'relaxed')
      await first.close()
      const second = await factory.open(name, ['one', 'two', 'three'])
      await second.write([{ table: 'three', key: 1, value: 'new' }], 'relaxed')
      equal([await second.get('one', 1), await second.get('three', 1)], ['kept', 'new'])
      await second.close()
    },
  },
  {
    title: 'STO2 keys ascend: numbers, strings, arrays',
    run: opened(async (store) => {
      const keys = [['b', 1], 'b', 10, ['a', 2], 'B', 9, ['a'], '', -1, ['a', 'x'], [1]]
      await store.write(
        keys.map((key) => ({ table: 'one', key, value: key })),
        'relaxed',
      )
      const sorted = [-1, 9, 10, '', 'B', 'b', [1], ['a'], ['a', 2], ['a', 'x'], ['b', 1]]
      equal(await store.keys('one'), sorted)
      equal(
        await store.entries('one'),
        sorted.map((key) => [key, key]),
      )
    }),
  },
  {
    title: 'STO2 a range has both ends and a limit',
    run: opened(async (store) => {
      await store.write(
        [1, 2, 3, 4, 5].map((key) => ({ table: 'one', key: ['q', key], value: key })),
        'relaxed',
      )
      const range = { from: ['q', 2], to: ['q', 4] }
      equal(await store.keys('one', range), [
        ['q', 2],
        ['q', 3],
        ['q', 4],
      ])
      equal(await store.keys('one', { ...range, limit: 2 }), [
        ['q', 2],
        ['q', 3],
      ])
      equal(await store.keys('one', { from: ['q', 5] }), [['q', 5]])
      equal(await store.entries('one', { to: ['q', 1] }), [[['q', 1], 1]])
    }),
  },
  {
    title: 'STO3 a write is all or nothing',
    run: opened(async (store) => {
      await store.write([{ table: 'one', key: 'a', value: 1 }], 'relaxed')
      const failed = await store
        .write(
          [
            { table: 'one', key: 'a', value: 2 },
            { table: 'two', key: 'b', value: () => 'functions cannot be stored' },
          ],
          'relaxed',
        )
        .then(
          () => false,
          () => true,
        )
      equal([failed, await store.get('one', 'a'), await store.get('two', 'b')], [true, 1, undefined])
    }),
  },
  {
    title: 'STO3 one write spans tables, in order',
    run: opened(async (store) => {
      await store.write(
        [
          { table: 'one', key: 1, value: 'a' },
          { table: 'one', key: 2, value: 'b' },
          { table: 'one', key: 1, remove: true },
          { table: 'two', key: 1, value: 'c' },
          { table: 'two', key: 1, value: 'd' },
        ],
        'strict',
      )
      equal([await store.keys('one'), await store.get('two', 1)], [[2], 'd'])
    }),
  },
  {
    title: 'STO3 removes by key and by range',
    run: opened(async (store) => {
      await store.write(
        [1, 2, 3, 4].map((key) => ({ table: 'one', key, value: key })),
        'relaxed',
      )
      await store.write([{ table: 'one', range: { from: 2, to: 3 }, remove: true }], 'relaxed')
      equal(await store.keys('one'), [1, 4])
      await store.write([{ table: 'one', key: 4, remove: true }], 'relaxed')
      await store.write([{ table: 'one', key: 'never there', remove: true }], 'relaxed')
      equal(await store.keys('one'), [1])
      await store.write([{ table: 'one', range: {}, remove: true }], 'relaxed')
      equal(await store.keys('one'), [])
    }),
  },
  {
    title: 'STO4 values are copies',
    run: opened(async (store) => {
      const bytes = new Uint8Array([1, 2, 3]).buffer
      await store.write([{ table: 'one', key: 'bytes', value: bytes }], 'relaxed')
      new Uint8Array(bytes)[0] = 9
      const read = (await store.get('one', 'bytes')) as ArrayBuffer
      equal([...new Uint8Array(read)], [1, 2, 3])
      new Uint8Array(read)[1] = 9
      equal([...new Uint8Array((await store.get('one', 'bytes')) as ArrayBuffer)], [1, 2, 3])
    }),
  },
  {
    title: 'STO4 a megabyte of bytes survives',
    run: opened(async (store) => {
      const bytes = new Uint8Array(2 ** 20).map((_, i) => (i * 31) & 0xff)
      await store.write([{ table: 'one', key: 'big', value: bytes.buffer }], 'relaxed')
      const read = new Uint8Array((await store.get('one', 'big')) as ArrayBuffer)
      equal([read.byteLength, read.every((byte, i) => byte === bytes[i])], [2 ** 20, true])
    }),
  },
  {
    title: 'STO5 a closed store rejects with closed',
    run: async (factory, name) => {
      const store = await factory.open(name, TABLES)
      await store.close()
      await store.close()
      const calls = [
        () => store.get('one', 1),
        () => store.keys('one'),
        () => store.write([{ table: 'one', key: 1, value: 1 }], 'relaxed'),
      ]
      for (const call of calls) equal(await codeOf(call), 'closed')
    },
  },
  {
    title: 'STO5 usage is unknown or two counts',
    run: opened(async (store) => {
      const usage = await store.usage()
      equal(usage === undefined || (usage.usedBytes >= 0 && usage.quotaBytes > 0), true)
    }),
  },
]

function opened(run: (store: Store) => Promise<void>): StoreCase['run'] {
  return async (factory, name) => {
    const store = await factory.open(name, TABLES)
    try {
      await run(store)
    } finally {
      await store.close()
    }
  }
}

async function codeOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

function equal(actual: unknown, expected: unknown): void {
  if (textOf(actual) !== textOf(expected)) {
    throw new Error(`expected ${textOf(expected)}, got ${textOf(actual)}`)
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined'
}
