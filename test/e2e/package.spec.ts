import { INSTALL_MS, type Installed, installedApp, startedProgram } from '../package/installed.ts'
import { expect, test } from './fixtures/actors.ts'
import { PageServer } from './fixtures/page-server.ts'

test.describe('the package, installed from its tarball', () => {
  let app: Installed

  test.beforeAll(async ({ server }) => {
    test.setTimeout(INSTALL_MS)
    app = await installedApp()
    server.pages.serves('app', app.built)
  })

  test('PKG2, RCT1, RCT2, RCT3: an app of hooks talks with the page, and its job runs', async ({
    alice,
    server,
    page,
  }) => {
    await alice.opens('/#new')
    const { hash } = new URL(await alice.invite())
    const query = `?signaling=${encodeURIComponent(server.url)}`
    await page.goto(`${server.pages.url}/app/${query}${hash}`)
    await expect(page.getByRole('heading', { name: 'Embedder' })).toBeVisible()
    await alice.hasPeers(1)
    for (const line of ['one', 'two', 'three', 'four']) await alice.says(line)
    const messages = page.getByRole('list', { name: 'messages' }).getByRole('listitem')
    await expect(messages).toHaveText(['two', 'three', 'four'])
    await page.getByRole('button', { name: 'say' }).click()
    await alice.hears('from the app')
    await page.getByRole('button', { name: 'order' }).click()
    await expect(page.getByLabel('waiting')).toHaveText('1')
    await page.getByRole('button', { name: 'count' }).click()
    await expect(page.getByLabel('result')).toHaveText('[["ant",2],["bee",1]]')
    await expect(page.getByLabel('datasets')).toHaveText('lines')
    await page.getByRole('button', { name: 'leave' }).click()
    await alice.hasPeers(0)
  })

  test('PKG3: a page without a bundler joins with one file', async ({ alice, server, page }) => {
    await alice.opens('/#new')
    const { hash } = new URL(await alice.invite())
    await page.goto(`${server.pages.url}/app/plain.html?signaling=${encodeURIComponent(server.url)}${hash}`)
    await expect(page.getByText('joined as Plain')).toBeVisible()
    await alice.says('welcome')
    await expect(page.getByText('welcome')).toBeVisible()
  })

  test('PKG4: a page that the server does not let in is told so, and what to do', async ({
    server,
    page,
  }) => {
    const stranger = new PageServer()
    await stranger.start()
    stranger.serves('app', app.built)
    try {
      await page.goto(`${stranger.url}/app/?signaling=${encodeURIComponent(server.url)}`)
      await expect(page.getByRole('alert')).toContainText(`--trust-origin ${stranger.url}`)
      await expect(page.getByRole('alert')).toContainText('origin-refused')
    } finally {
      await stranger.stop()
    }
  })

  test('PKG5, SIG25: signaling on the server of the app needs no other', async ({ page, context }) => {
    const vite = await startedProgram(app.folder, [
      'node_modules/vite/bin/vite.js',
      'preview',
      '--port',
      '0',
      '--strictPort',
    ])
    try {
      await page.goto(vite.url)
      const invite = await page.getByRole('link', { name: 'invite' }).getAttribute('href')
      const other = await context.newPage()
      await other.goto(invite ?? '')
      await expect(page.getByRole('list', { name: 'peers' }).getByRole('listitem')).toHaveText(['Embedder'])
      await expect(other.getByRole('list', { name: 'peers' }).getByRole('listitem')).toHaveText(['Embedder'])
    } finally {
      vite.stop()
    }
  })
})
