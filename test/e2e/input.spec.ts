import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from '../../web/ui/text.ts'
import { launchFirefox } from '../support/browsers.ts'
import { Actor, types } from './fixtures/actor.ts'
import { test as base, expect } from './fixtures/actors.ts'

const QUOTA_BYTES = 8 * 1024 * 1024

const test = base.extend<{ cramped: Actor }>({
  /** Somebody whose browser gives a page no more than {@link QUOTA_BYTES}. */
  cramped: async ({ alice, server, everybody, browserName }, use) => {
    if (browserName === 'chromium') {
      await alice.page.addInitScript(fillsUp, QUOTA_BYTES)
      return use(alice)
    }
    const preferences = { 'dom.quotaManager.temporaryStorage.fixedLimit': QUOTA_BYTES / 1024 }
    const firefox = await launchFirefox({ preferences })
    const actor = await Actor.create('Alice', server, firefox)
    everybody.actors.push(actor)
    await use(actor)
    await firefox.close()
  },
})

/**
 * Chromium's quota cannot be lowered for IndexedDB from outside, so there a transaction that would go beyond it ends as one
 * does on a full disk: aborted, with that error. Runs in the page.
 */
function fillsUp(quotaBytes: number): void {
  const { put } = IDBObjectStore.prototype
  let left = quotaBytes
  IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
    const request = put.call(this, value, key)
    left -= value instanceof ArrayBuffer ? value.byteLength : 0
    if (left < 0 && value instanceof ArrayBuffer) {
      left += value.byteLength
      const { transaction } = this
      // One that was asked to commit can no longer be aborted from outside, as a full disk aborts it.
      Object.defineProperty(transaction, 'commit', { value: () => undefined, configurable: true })
      request.addEventListener('success', () => {
        const error = new DOMException('the disk is full', 'QuotaExceededError')
        Object.defineProperty(transaction, 'error', { value: error, configurable: true })
        transaction.abort()
      })
    }
    return request
  }
}

/** Lines of 16 random characters, since browsers compress what they store. */
function randomLines(bytes: number): string {
  const text = randomBytes((bytes / 16) * 12).toString('base64')
  return `${(text.match(/.{15}/g) ?? []).join('\n')}\n`
}

function file(name: string, content: string | Uint8Array) {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) }
}

/** An error in words. */
function error(actor: Actor, words: RegExp) {
  return actor.page.getByRole('alert').filter({ hasText: words }).first()
}

/** Something to know before the file is added. */
function note(actor: Actor, words: RegExp | string) {
  return actor.page.getByRole('dialog').getByText(words).first()
}

/** Runs with the path of a file that is gone afterwards. */
async function onDisk(name: string, content: string, run: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tabmesh-input-'))
  try {
    const path = join(folder, name)
    writeFileSync(path, content)
    await run(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A room with something in it that no fault may harm. */
async function opensWithData(actor: Actor): Promise<void> {
  await actor.opens('/#new')
  await actor.adds('kept.txt', 'one\ntwo\n')
}

async function stillKeeps(actor: Actor): Promise<void> {
  expect(await actor.reads('kept.txt')).toEqual(['one', 'two'])
}

/** Adds a Blob made in the page by `make`, and gives the error's code and message. */
async function refusal(actor: Actor, make: () => Blob): Promise<{ code: string; message: string }> {
  const source = `(${make})()`
  const tag = await actor.page.evaluateHandle<Blob>(source)
  const refused = await tag.evaluate((blob) =>
    window.tabmesh?.datasets.add('bad.txt', blob as Blob).then(
      () => ({ code: 'added', message: '' }),
      (error: Error & { code?: string }) => ({ code: error.code ?? '', message: error.message }),
    ),
  )
  return refused ?? { code: 'no node', message: '' }
}

test.describe('bad input', () => {
  test('an empty file is refused before anything is stored', async ({ alice }) => {
    await opensWithData(alice)
    await alice.choosesFile(file('empty.csv', ''))
    await expect(error(alice, /empty/i)).toBeVisible()
    await expect(alice.button(text.preview.confirm)).toBeDisabled()
    await stillKeeps(alice)
  })

  test('a binary file is refused with the kinds that are taken', async ({ alice }) => {
    await opensWithData(alice)
    const bytes = Uint8Array.from({ length: 5_000 }, (_, at) => (at * 37) % 256)
    await alice.choosesFile(file('photo.csv', bytes))
    await expect(error(alice, /text/i)).toBeVisible()
    await expect(alice.button(text.preview.confirm)).toBeDisabled()
    await stillKeeps(alice)
  })

  test('a ragged CSV is taken, and the preview says what is ragged', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.choosesFile(file('ragged.csv', 'a,b,c\n1,2,3\n1,2\n1,2,3,4\n'))
    await expect(note(alice, /fewer fields than there are columns/)).toBeVisible()
    await alice.confirmsPreview()
    await alice.keeps('ragged.csv', 1)
    expect(await alice.reads('ragged.csv')).toHaveLength(3)
  })

  test('how a CSV is read can be said, and the preview shows what comes of it', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.choosesFile(file('parts.csv', 'made by x\nid;name\n1;"Bolt 3" long\n2;"b\n'))
    await types(alice.page.getByLabel(text.preview.csv.skipLines), '1')
    await expect(note(alice, /2 quotes do not enclose a field/)).toBeVisible()
    await alice.page.getByLabel(text.preview.csv.quote).selectOption('')
    await expect(note(alice, /quotes do not enclose/)).toBeHidden()
    await alice.page.getByLabel(text.preview.csv.header).uncheck()
    await expect(alice.page.getByRole('columnheader', { name: 'column1' })).toBeVisible()
    await alice.confirmsPreview()
    await alice.keeps('parts.csv', 1)
    expect(await alice.reads('parts.csv')).toEqual([
      { column1: 'id', column2: 'name' },
      { column1: '1', column2: '"Bolt 3" long' },
      { column1: '2', column2: '"b' },
    ])
  })

  for (const [encoding, mark] of [
    ['utf-16le', [0xff, 0xfe]],
    ['utf-16be', [0xfe, 0xff]],
  ] as const) {
    test(`a file in ${encoding} is read as what it says`, async ({ alice }) => {
      const units = Buffer.from('name,city\nZoë,Zürich\n日本,東京\n', 'utf16le')
      const body = encoding === 'utf-16le' ? units : units.swap16()
      await alice.opens('/#new')
      await alice.choosesFile(file('people.csv', Buffer.concat([Buffer.from(mark), body])))
      await expect(note(alice, 'The file is UTF-16; it will be stored as UTF-8.')).toBeVisible()
      await alice.confirmsPreview()
      await alice.keeps('people.csv', 1)
      expect(await alice.reads('people.csv')).toEqual([
        { name: 'Zoë', city: 'Zürich' },
        { name: '日本', city: '東京' },
      ])
    })
  }

  test('a line of 100 MB is refused, and leaves nothing', async ({ alice }) => {
    await opensWithData(alice)
    const held = await alice.holdsShards()
    const { code, message } = await refusal(alice, () => {
      const part = new Uint8Array(1024 * 1024).fill(120)
      return new Blob(['one line\n', ...Array.from({ length: 100 }, () => part)])
    })
    expect(code).toBe('record-too-large')
    expect(message).toMatch(/MB|MiB/)
    await alice.waits((before) => window.tabmesh?.getSnapshot().shardsHeld === before, held, 10_000)
    await stillKeeps(alice)
  })

  test('a file larger than the quota is refused with a reason, and leaves nothing', async ({ cramped }) => {
    await opensWithData(cramped)
    const held = await cramped.holdsShards()
    await onDisk('big.txt', randomLines(3 * QUOTA_BYTES), async (path) => {
      await cramped.choosesFile(path)
      await cramped.confirmsPreview()
      await expect(error(cramped, /(full|space|quota|storage)/i)).toBeVisible({ timeout: 30_000 })
    })
    await cramped.waits((before) => window.tabmesh?.getSnapshot().shardsHeld === before, held, 10_000)
    await stillKeeps(cramped)
  })

  test('a disk that has become full ends the import with a reason, and harms nothing', async ({
    cramped,
  }) => {
    await opensWithData(cramped)
    await cramped.adds('fits.txt', randomLines(QUOTA_BYTES / 4))
    const held = await cramped.holdsShards()
    const fits = await cramped.reads('fits.txt')
    await onDisk('more.txt', randomLines(2 * QUOTA_BYTES), async (path) => {
      await cramped.choosesFile(path)
      await cramped.confirmsPreview()
      await expect(error(cramped, /(full|space|quota|storage)/i)).toBeVisible({ timeout: 30_000 })
    })
    await cramped.waits((before) => window.tabmesh?.getSnapshot().shardsHeld === before, held, 10_000)
    expect(await cramped.reads('fits.txt')).toEqual(fits)
    await cramped.reloads()
    await stillKeeps(cramped)
    await cramped.says('and messages still go out')
  })

  test('a file that changes while it is read is refused, and leaves nothing', async ({ alice }) => {
    await opensWithData(alice)
    await onDisk('changing.txt', 'before\n'.repeat(200_000), async (path) => {
      await alice.choosesFile(path)
      await expect(alice.button(text.preview.confirm)).toBeEnabled()
      // Shorter: what else a file became since it was chosen, Firefox does not tell.
      writeFileSync(path, 'after\n')
      await alice.confirmsPreview()
      await expect(error(alice, /changed/i)).toBeVisible()
    })
    expect(await alice.tells(() => window.tabmesh?.datasets.list().map((one) => one.name))).toEqual([
      'kept.txt',
    ])
    await stillKeeps(alice)
  })

  test('a browser that refuses IndexedDB is told what to do', async ({ alice }) => {
    await alice.page.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('the operation is insecure', 'SecurityError')
      }
    })
    await alice.goesTo('/#new')
    await expect(alice.heading(text.failed['storage-refused']?.[0] ?? '')).toBeVisible()
  })

  test('a database that fails to open is told the same', async ({ alice }) => {
    await alice.page.addInitScript(() => {
      // Documents without an origin have no databases.
      if (origin === 'null') return
      const open = IDBFactory.prototype.open
      open.call(indexedDB, 'newer', 2)
      // An older version of a database than is there: the request fails, as it does on a broken profile.
      IDBFactory.prototype.open = function () {
        return open.call(this, 'newer', 1)
      }
    })
    await alice.goesTo('/#new')
    await expect(alice.heading(text.failed['storage-refused']?.[0] ?? '')).toBeVisible()
  })
})
