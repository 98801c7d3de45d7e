import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from './fixtures/actors.ts'

const EXAMPLES = join(import.meta.dirname, '../../web/examples')

test.describe('the example pages', () => {
  test('PKG8: each has under 60 lines', () => {
    const pages = readdirSync(EXAMPLES).filter((file) => file.endsWith('.html'))
    expect(pages).toHaveLength(3)
    for (const file of pages)
      expect(readFileSync(join(EXAMPLES, file), 'utf8').trimEnd().split('\n').length, file).toBeLessThan(60)
  })

  test('PKG8: a list is shared between two tabs', async ({ page, context, server }) => {
    await page.goto(`${server.url}/examples/list.html`)
    await page.getByRole('textbox', { name: 'New item' }).fill('milk')
    await page.getByRole('button', { name: 'Add' }).click()
    await expect(page.getByRole('checkbox', { name: 'milk' })).toBeVisible()
    const other = await context.newPage()
    await other.goto((await page.locator('#invite').getAttribute('href')) ?? '')
    await other.getByRole('checkbox', { name: 'milk' }).check()
    await expect(page.getByRole('checkbox', { name: 'milk' })).toBeChecked()
    await page.getByRole('textbox', { name: 'New item' }).pressSequentially('eg')
    await expect(other.getByRole('status')).toContainText('is typing')
  })

  test('PKG8: what is chosen or pressed before a page has joined is not lost', async ({ page, server }) => {
    await page.routeWebSocket(/./, () => undefined)
    for (const file of ['list', 'group-by', 'work']) {
      await page.goto(`${server.url}/examples/${file}.html`)
      await expect(page.locator(file === 'group-by' ? 'input' : 'button').first()).toBeDisabled()
    }
  })

  test('PKG8: a dropped CSV is counted by each of its columns', async ({ page, server }) => {
    await page.goto(`${server.url}/examples/group-by.html`)
    await expect(page.locator('#invite')).toHaveAttribute('href', /#/)
    const buffer = Buffer.from('origin,delay\nABE,1\nABQ,1\nABE,2\n')
    await page.getByLabel('CSV file').setInputFiles({ name: 'flights.csv', mimeType: 'text/csv', buffer })
    await expect(page.getByRole('row')).toHaveText(['ABE2', 'ABQ1'])
    await page.getByLabel('Column').selectOption('delay')
    await expect(page.getByRole('row')).toHaveText(['12', '21'])
  })

  test('PKG8: two tabs share the work, and all of it is done', async ({ page, context, server }) => {
    await page.goto(`${server.url}/examples/work.html`)
    await expect(page.locator('#invite')).toHaveAttribute('href', /#/)
    const other = await context.newPage()
    await other.goto((await page.locator('#invite').getAttribute('href')) ?? '')
    await expect(other.getByRole('status')).toContainText('0 waiting')
    await page.getByRole('button', { name: 'Add 20 numbers' }).click()
    const results = page.locator('li')
    await expect(results).toHaveCount(20)
    const workers = (await results.allTextContents()).map((text) => text.split(', by tab ')[1])
    expect(new Set(workers).size).toBe(2)
    await expect(results.filter({ hasText: '9592 primes up to 100000' })).toHaveCount(1)
  })
})
