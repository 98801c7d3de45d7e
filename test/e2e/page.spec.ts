import { writeFileSync } from 'node:fs'
import { text } from '../../web/ui/text.ts'
import { type Actor, types } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

/** 8,000 numbered lines: 15 shards of 8 KiB. */
const LINES = Array.from({ length: 8_000 }, (_, line) => `${line}`.padStart(15, '.')).join('\n')
const SHARDS = { format: 'text', shardBytes: 8_192, replicas: 2 } as const
/** 40 MB: it takes long enough to be stopped on its way in. */
const LARGE = 'large.txt'
const LARGE_LINES = 500_000
const ENDLESS = '() => { for (;;); }'

async function writesMap(actor: Actor, code: string): Promise<void> {
  await actor.shows('compute')
  await types(actor.page.getByRole('textbox', { name: text.compute.map }), code)
}

test.describe('page', () => {
  test('the list of people shows link, round trip, bytes and parts', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    await alice.keeps('lines.txt', 2)
    const row = alice.person(bob.name)
    await expect(row).toContainText(text.people.state.direct)
    await expect(row).toContainText(/ · [\d.]+ m?s/)
    await expect(row).toContainText(/received \d.*\s[kM]?B/)
    await expect(row).toContainText(/sent \d.*\s[kM]?B/)
    await expect(row).toContainText(text.people.holds(await bob.holdsShards()))
  })

  test('UI4: a file is shown before it is stored, and only a ticked column is typed', async ({ alice }) => {
    await alice.opens('/#new')
    const buffer = Buffer.from('name,born,died\nAda,1815,1852\nGrace,1906,1992\n')
    await alice.choosesFile({ name: 'people.csv', mimeType: 'text/csv', buffer })
    await expect(alice.page.getByRole('columnheader', { name: 'born' })).toBeVisible()
    expect(await alice.tells(() => window.tabmesh?.datasets.list().length)).toBe(0)
    await alice.page.getByRole('checkbox', { name: text.preview.asType('born', 'number') }).check()
    await alice.confirmsPreview()
    await alice.keeps('people.csv', 1)
    expect((await alice.reads('people.csv'))[0]).toEqual({ name: 'Ada', born: 1815, died: '1852' })
  })

  test('a file on its way in shows how far it is, and is stopped by its button', async ({
    alice,
    bob,
  }, testInfo) => {
    const path = testInfo.outputPath(LARGE)
    writeFileSync(path, `${'-'.repeat(79)}\n`.repeat(LARGE_LINES))
    await alice.opens('/#new')
    await bob.opens(await alice.invite())
    await alice.sees(bob)
    await alice.addsFile(path)
    await expect(alice.page.getByRole('progressbar', { name: LARGE })).toBeVisible()
    await alice.button(`${text.room.cancel}: ${LARGE}`).click()
    await expect(alice.page.getByText(text.files.empty)).toBeVisible()
    expect(await alice.tells(() => window.tabmesh?.datasets.list().length)).toBe(0)
  })

  test('a job says before the run what will move, and afterwards what has moved', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    await bob.keeps('lines.txt', 2)
    await bob.shows('compute')
    const { local, shards, bytesToMove } = await bob.tells(
      () => window.tabmesh?.jobs.locality('lines.txt') ?? Promise.reject(new Error('there is no node')),
    )
    expect(local).toBe(shards)
    await expect(bob.page.getByText(text.compute.local(local, shards, bytesToMove))).toBeVisible()
    await bob.button(text.compute.run).click()
    await expect(bob.heading(new RegExp(`^${text.compute.state.done}`))).toBeVisible()
    const moved = await bob.tells(
      () => window.tabmesh?.jobs.list()[0]?.getSnapshot().counters.bytesMoved ?? -1,
    )
    await expect(bob.page.getByText(text.compute.moved(moved))).toBeVisible()
  })

  test('a map that does not parse fails with its name and line', async ({ alice, browserName }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', LINES, SHARDS)
    await writesMap(alice, '(line, ctx) => {\n  ctx.emit(\n}')
    await alice.button(text.compute.run).click()
    await expect(alice.heading(new RegExp(`^${text.compute.state.failed}`))).toBeVisible()
    // Firefox does not tell a page where a script of its sandbox is wrong.
    const words = browserName === 'chromium' ? /map.*line \d/ : /does not parse/
    await expect(alice.page.getByRole('alert')).toContainText(words)
  })

  test('a running job is stopped by its button', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', LINES, SHARDS)
    await writesMap(alice, ENDLESS)
    await alice.button(text.compute.run).click()
    await alice.button(text.compute.cancel).click()
    await expect(alice.heading(new RegExp(`^${text.compute.state.cancelled}`))).toBeVisible()
    await expect(alice.page.getByText(text.compute.cancelled)).toBeVisible()
  })
})
