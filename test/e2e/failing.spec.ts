import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from '../../web/ui/text.ts'
import { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { TestServer } from './fixtures/server.ts'

/** A server whose copy of the page lacks some of its parts: the page is still the one of a build before. */
async function serverWithout(parts: RegExp): Promise<{ server: TestServer; webDir: string }> {
  const webDir = mkdtempSync(join(tmpdir(), 'tabmesh-parts-'))
  cpSync(join(import.meta.dirname, '../../dist/web'), webDir, { recursive: true })
  const assets = join(webDir, 'assets')
  for (const file of readdirSync(assets)) if (parts.test(file)) rmSync(join(assets, file))
  const server = new TestServer(webDir)
  await server.start()
  return { server, webDir }
}

test.describe('what fails is told in its place', () => {
  test('UI15: a part that cannot be loaded blanks nothing, and all others work', async ({ browser }) => {
    const { server, webDir } = await serverWithout(/^(queues|invite-dialog|code-editor)-/)
    const alice = await Actor.create('Alice', server, browser)
    try {
      await alice.opens('/#new')
      await alice.shows('queues')
      const told = alice.page.getByRole('main').getByRole('alert')
      await expect(told).toContainText(text.parts.absent[0])
      await told.getByRole('button', { name: text.retry }).click()
      await expect(told).toContainText(text.parts.absent[0])
      await alice.button(text.room.invite).click()
      await expect(alice.page.getByRole('dialog')).toContainText(text.parts.absent[0])
      await alice.page.keyboard.press('Escape')
      await alice.adds('lines.txt', 'one')
      await alice.shows('compute')
      await expect(alice.page.getByRole('textbox', { name: text.compute.map })).toHaveValue(/ctx\.emit/)
      await alice.says('still here')
    } finally {
      await alice.closes()
      await server.end()
      rmSync(webDir, { recursive: true })
    }
  })

  test('UI15: a record of six thousand brackets is shown as far as it fits', async ({ alice }) => {
    await alice.opens('/#new')
    const record = '['.repeat(6_000) + ']'.repeat(6_000)
    const buffer = Buffer.from(`${record}\n{"deep":${record}}\n`)
    await alice.choosesFile({ name: 'deep.ndjson', mimeType: 'application/x-ndjson', buffer })
    await expect(alice.page.getByRole('cell', { name: '…' }).first()).toBeVisible()
    await alice.confirmsPreview()
    await alice.keeps('deep.ndjson', 1)
    await alice.page.getByRole('button', { name: /^ndjson deep/ }).click()
    await expect(alice.page.getByRole('cell', { name: '…' }).first()).toBeVisible()
    await alice.shows('compute')
    await expect(alice.button(text.compute.run)).toBeVisible()
  })
})
