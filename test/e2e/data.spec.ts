import { fileURLToPath } from 'node:url'
import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

declare global {
  interface Window {
    copiesStored?: number
    goesOn?: () => void
  }
}

const ZIPCODES = fileURLToPath(new URL('../../node_modules/vega-datasets/data/zipcodes.csv', import.meta.url))
const ZIPCODE_RECORDS = 42_049

/** 4,000 numbered lines of 60 bytes: 30 shards of 8 KiB. */
const NUMBERED = Array.from({ length: 4_000 }, (_, line) => `${line}`.padStart(59, '.')).join('\n')
/** Enough of them that a repair takes longer than it takes to kill a tab. */
const MANY = Array.from({ length: 30_000 }, (_, line) => `${line}`.padStart(59, '.')).join('\n')
const SMALL_SHARDS = { format: 'text', shardBytes: 8_192, replicas: 2 } as const

test.describe('data', () => {
  test('a chosen CSV is previewed, spread with two copies, and shown part by part', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.choosesFile(ZIPCODES)
    await expect(alice.page.getByRole('dialog', { name: text.preview.title('zipcodes.csv') })).toBeVisible()
    await expect(alice.page.getByRole('columnheader', { name: 'zip_code' })).toBeVisible()
    await alice.confirmsPreview()
    for (const actor of [alice, bob, carol]) await actor.keeps('zipcodes.csv', 2)
    await alice.shows('files')
    await alice.page.getByRole('button', { name: /zipcodes\.csv/ }).click()
    await expect(alice.page.getByText(text.files.healthy)).toBeVisible()
    await expect(alice.heading(text.files.map)).toBeVisible()
    const records = await bob.tells(() => window.tabmesh?.datasets.get('zipcodes.csv')?.info().records)
    expect(records).toBe(ZIPCODE_RECORDS)
    const held = await Promise.all([alice, bob, carol].map((actor) => actor.holdsShards()))
    const shards = await bob.tells(() => window.tabmesh?.datasets.get('zipcodes.csv')?.shards().length ?? 0)
    expect(held.reduce((sum, count) => sum + count, 0)).toBe(shards * 2)
    for (const count of held) expect(count).toBeGreaterThan(0)
  })

  test('a file dropped in any section is previewed just as a chosen one', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.shows('chat')
    await alice.tells(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['name,age\nAda,36\n'], 'people.csv', { type: 'text/csv' }))
      for (const type of ['dragenter', 'dragover', 'drop']) {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })
        document.querySelector('#main')?.dispatchEvent(event)
      }
    })
    await alice.confirmsPreview()
    await alice.keeps('people.csv', 1)
    expect(await alice.reads('people.csv')).toEqual([{ name: 'Ada', age: '36' }])
  })

  test('when a tab is closed, its copies are rebuilt on the others', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', NUMBERED, SMALL_SHARDS)
    const id = await bob.id()
    await bob.leaves()
    await alice.misses(id, 1_000)
    await alice.keeps('lines.txt', 2)
    await carol.keeps('lines.txt', 2)
    expect(await carol.reads('lines.txt')).toEqual(NUMBERED.split('\n'))
  })

  test('when a tab is killed, its copies are rebuilt on the others', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', NUMBERED, SMALL_SHARDS)
    const id = await carol.id()
    await carol.isKilled()
    await alice.misses(id, 6_000)
    await alice.keeps('lines.txt', 2)
    expect(await bob.reads('lines.txt')).toEqual(NUMBERED.split('\n'))
  })

  test('after a reload of all tabs the data is there, and hardly a byte has moved', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', NUMBERED, SMALL_SHARDS)
    await everybody.reloads()
    await everybody.seesEverybody()
    for (const actor of [alice, bob, carol]) await actor.keeps('lines.txt', 2)
    const moved = await Promise.all([alice, bob, carol].map((actor) => actor.bytesIn()))
    expect(moved.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(NUMBERED.length / 4)
    expect(await bob.reads('lines.txt')).toEqual(NUMBERED.split('\n'))
  })

  test('a tab killed while a file comes in leaves the file whole on the others', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    const id = await carol.id()
    const adding = alice.tells(
      async ([content, options]) => {
        const bytes = new TextEncoder().encode(content)
        const middle = bytes.byteLength >> 1
        const source = new ReadableStream<Uint8Array>({
          start: (controller) => {
            controller.enqueue(bytes.subarray(0, middle))
            window.goesOn = () => {
              controller.enqueue(bytes.subarray(middle))
              controller.close()
            }
          },
        })
        const onProgress = ({ copiesStored }: { copiesStored: number }) => {
          window.copiesStored = copiesStored
        }
        await window.tabmesh?.datasets.add('lines.txt', source, { ...options, onProgress })
      },
      [NUMBERED, SMALL_SHARDS] as const,
      60_000,
    )
    // Most of the first half is on the disks; the second half is held back until Carol has gone.
    await alice.waits(() => (window.copiesStored ?? 0) >= 20, undefined, 10_000)
    await carol.isKilled()
    await alice.misses(id, 6_000)
    await alice.tells(() => window.goesOn?.())
    await adding
    await alice.keeps('lines.txt', 2)
    expect(await bob.reads('lines.txt')).toEqual(NUMBERED.split('\n'))
  })

  test('a tab killed during a repair does not stop it', async ({ alice, bob, carol, invites, everybody }) => {
    const dave = await invites('Dave')
    await everybody.meets()
    await alice.adds('lines.txt', MANY, { ...SMALL_SHARDS, replicas: 3 })
    const gone = [await dave.id(), await carol.id()] as const
    const held = await alice.holdsShards()
    await dave.leaves()
    await alice.misses(gone[0], 1_000)
    // The repair after a clean leave begins when its grace is over.
    await alice.waits((before) => (window.tabmesh?.getSnapshot().shardsHeld ?? 0) > before, held, 10_000)
    await carol.isKilled()
    const shards = await alice.tells(() => window.tabmesh?.datasets.get('lines.txt')?.shards().length ?? 0)
    const now = await Promise.all([alice.holdsShards(), bob.holdsShards()])
    expect(now[0] + now[1], 'the repair was not over at the kill').toBeLessThan(2 * shards)
    await alice.misses(gone[1], 6_000)
    await alice.keeps('lines.txt', 2)
    expect(await bob.reads('lines.txt')).toEqual(MANY.split('\n'))
  })

  test('a file that is coming in can be cancelled, and leaves nothing', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    const outcome = await alice.tells(async (content) => {
      const controller = new AbortController()
      const onProgress = (progress: { shards: number }) => progress.shards >= 3 && controller.abort()
      const options = { format: 'text', shardBytes: 8_192, onProgress, signal: controller.signal } as const
      return window.tabmesh?.datasets.add('lines.txt', new Blob([content]), options).then(
        () => 'added',
        (error: Error) => error.name,
      )
    }, NUMBERED)
    expect(outcome).toBe('AbortError')
    for (const actor of [alice, bob]) {
      await actor.waits(() => window.tabmesh?.getSnapshot().shardsHeld === 0, undefined, 10_000)
      expect(await actor.tells(() => window.tabmesh?.datasets.list().length)).toBe(0)
    }
  })

  test('a deleted file is gone from every device', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.adds('lines.txt', NUMBERED, SMALL_SHARDS)
    await bob.keeps('lines.txt', 2)
    await bob.tells(() => window.tabmesh?.datasets.get('lines.txt')?.drop())
    for (const actor of [alice, bob]) {
      await actor.waits(() => window.tabmesh?.datasets.get('lines.txt') === undefined, undefined, 10_000)
      await actor.waits(() => window.tabmesh?.getSnapshot().shardsHeld === 0, undefined, 10_000)
    }
  })

  test('what comes back by export is what went in, to the byte', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    const csv = 'name,said\r\nAda,"two\nlines, and ""quotes"""\r\nGrace,\r\n'
    await alice.adds('said.csv', csv)
    const exported = await bob.tells(async () => {
      const blob = await window.tabmesh?.datasets.get('said.csv')?.export()
      return blob?.text()
    })
    expect(exported).toBe(csv)
    expect(await bob.reads('said.csv')).toEqual([
      { name: 'Ada', said: 'two\nlines, and "quotes"' },
      { name: 'Grace', said: '' },
    ])
  })

  test('NDJSON keeps its values and their types', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.adds('values.ndjson', '{"a":1,"b":[true,null]}\n"text"\n3\n')
    await bob.keeps('values.ndjson', 2)
    expect(await bob.reads('values.ndjson')).toEqual([{ a: 1, b: [true, null] }, 'text', 3])
  })

  test('a second file of the same name is refused with a reason', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', 'one\n')
    const error = await alice.tells(() =>
      window.tabmesh?.datasets.add('lines.txt', new Blob(['two\n'])).then(
        () => undefined,
        (reason: Error & { code?: string }) => ({ code: reason.code, message: reason.message }),
      ),
    )
    expect(error?.code).toBe('name-taken')
    expect(error?.message).toContain('lines.txt')
  })
})
