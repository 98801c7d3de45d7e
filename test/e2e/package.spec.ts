import { spawn } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Installed, installedApp, run } from '../package/installed.ts'
import { expect, test } from './fixtures/actors.ts'
import { PageServer } from './fixtures/page-server.ts'

/** With the packages of the registry on their way. */
const INSTALL_MS = 180_000
const ROOT = join(import.meta.dirname, '../..')
const STARTED = /https?:\/\/localhost:\d+/

/** A program of the app that serves: its address once it has printed it, and its end. */
async function started(folder: string, args: readonly string[]): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  const url = await new Promise<string>((resolve, reject) => {
    let printed = ''
    child.stdout.on('data', (data) => {
      printed += data
      const address = STARTED.exec(printed)?.[0]
      if (address !== undefined) resolve(address)
    })
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${printed}`)))
  })
  return { url, stop: () => child.kill() }
}

function readmeExamples(): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '')
}

/** With what a bundler does for the import. */
function examplePage(code: string): string {
  const imports = JSON.stringify({ imports: { tabmesh: './tabmesh.js' } })
  return `<!doctype html><script type="importmap">${imports}</script><script type="module">${code}</script>`
}

test.describe('the package, installed from its tarball', () => {
  let app: Installed

  test.beforeAll(async ({ server }) => {
    test.setTimeout(INSTALL_MS)
    app = await installedApp()
    copyFileSync(
      join(app.folder, 'node_modules/tabmesh/dist/package/standalone.js'),
      join(app.built, 'tabmesh.js'),
    )
    copyFileSync(join(app.folder, 'plain.html'), join(app.built, 'plain.html'))
    server.pages.serves('app', app.built)
  })

  test('PKG1, PKG7: its types hold in a strict project, with TypeScript 5.9 and 7; the README’s examples too', async () => {
    for (const [at, code] of readmeExamples().entries())
      writeFileSync(join(app.folder, `src/example-${at}.ts`), code)
    for (const compiler of ['typescript', 'typescript-7'])
      await run(app.folder, 'node', [`node_modules/${compiler}/bin/tsc`, '-p', '.'])
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

  test('PKG7: the examples of the README run as they are printed', async ({ page, server }) => {
    const examples = readmeExamples()
    const shown = ['{celsius: 21.5}', 'order {item: 7}', '[Array(2), Array(2)]']
    expect(examples).toHaveLength(shown.length)
    for (const [at, code] of examples.entries()) {
      writeFileSync(join(app.built, `example-${at}.html`), examplePage(code))
      const printed = page.waitForEvent('console', (message) => message.text().includes(shown[at] ?? ''))
      await page.goto(`${server.pages.url}/app/example-${at}.html`)
      await printed
    }
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
    const vite = await started(app.folder, [
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

  test('PKG6: its command serves the page', async ({ page }) => {
    const command = await started(app.folder, ['node_modules/.bin/tabmesh', '--port', '0'])
    try {
      await page.goto(command.url)
      await expect(page).toHaveTitle(/Tabmesh/)
      await page.goto(`${command.url}/#new`)
      await expect(page.getByRole('navigation', { name: 'Room' })).toBeVisible()
    } finally {
      command.stop()
    }
  })
})
