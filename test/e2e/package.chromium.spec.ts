import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSTALL_MS, type Installed, installedApp, run, startedProgram } from '../package/installed.ts'
import { expect, test } from './fixtures/actors.ts'

const ROOT = join(import.meta.dirname, '../..')

function readmeExamples(): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '')
}

/** With what a bundler does for the import. */
function examplePage(code: string): string {
  const imports = JSON.stringify({ imports: { tabmesh: './tabmesh.js' } })
  return `<!doctype html><script type="importmap">${imports}</script><script type="module">${code}</script>`
}

/** What no engine changes: types, the README's examples, the command. */
test.describe('the package, whatever the engine', () => {
  let app: Installed

  test.beforeAll(async ({ server }) => {
    test.setTimeout(INSTALL_MS)
    app = await installedApp()
    server.pages.serves('app', app.built)
  })

  test('PKG1, PKG7: its types hold in a strict project, with TypeScript 5.9 and 7; the README’s examples too', async () => {
    for (const [at, code] of readmeExamples().entries())
      writeFileSync(join(app.folder, `src/example-${at}.ts`), code)
    for (const compiler of ['typescript', 'typescript-7'])
      await run(app.folder, 'node', [`node_modules/${compiler}/bin/tsc`, '-p', '.'])
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

  test('PKG6: its command serves the page', async ({ page }) => {
    const command = await startedProgram(app.folder, ['node_modules/.bin/tabmesh', '--port', '0'])
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
