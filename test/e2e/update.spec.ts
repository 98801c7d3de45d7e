import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from '../../web/ui/text.ts'
import { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { TestServer } from './fixtures/server.ts'

const ROOT = join(import.meta.dirname, '../..')
const ENDLESS = '() => { for (;;); }'

test('UI6: a new version waits for a job, for a person, and then is the one that runs', async ({
  browser,
}) => {
  const webDir = mkdtempSync(join(tmpdir(), 'tabmesh-update-'))
  cpSync(join(ROOT, 'dist/web'), webDir, { recursive: true })
  const server = new TestServer(webDir)
  await server.start()
  const alice = await Actor.create('Alice', server, browser)
  try {
    await alice.opens('/#new')
    await alice.adds('lines.txt', 'one\n')
    // The service worker serves a page from its second load on.
    await alice.waits(
      () => navigator.serviceWorker.ready.then(({ active }) => active?.state === 'activated'),
      undefined,
      15_000,
    )
    await alice.reloads()
    await alice.tells(() => {
      Object.assign(window, { isOldPage: true })
    })
    appendFileSync(join(webDir, 'sw.js'), '\n// Another version.\n')
    // The server looks at its files again when there is another page.
    appendFileSync(join(webDir, 'index.html'), '\n')
    for (const twin of ['sw.js.br', 'sw.js.gz', 'index.html.br', 'index.html.gz']) rmSync(join(webDir, twin))
    await alice.tells((map) => {
      // It is cancelled below.
      window.tabmesh?.jobs
        .mapReduce({ dataset: 'lines.txt', map })
        .result()
        .catch(() => undefined)
    }, ENDLESS)
    await alice.tells(async () => {
      const registration = await navigator.serviceWorker.ready
      await registration.update()
    })
    const reload = alice.button(text.update.reload)
    await expect(reload).toBeDisabled()
    await alice.tells(() => window.tabmesh?.jobs.list()[0]?.cancel())
    await expect(reload).toBeEnabled()
    expect(await alice.tells(() => 'isOldPage' in window)).toBe(true)
    await reload.click()
    await alice.waits(() => !('isOldPage' in window) && window.tabmesh !== undefined, undefined, 15_000)
    expect(await alice.reads('lines.txt')).toEqual(['one'])
    await expect(reload).toBeHidden()
  } finally {
    await alice.closes()
    await server.end()
    rmSync(webDir, { recursive: true })
  }
})
