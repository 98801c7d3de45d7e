import { expect, test } from './fixtures/actors.ts'

test.describe('embedding', () => {
  test('a page of twenty lines joins the room and talks with the app', async ({ alice, server, page }) => {
    await alice.opens('/#new')
    const { hash } = new URL(await alice.invite())
    await page.goto(`${server.pages.url}/embed?signaling=${encodeURIComponent(server.url)}${hash}`)
    await expect(page.getByText('joined as Embedder')).toBeVisible()
    await expect(alice.person('Embedder')).toBeVisible()
    await alice.says('welcome')
    await expect(page.getByText('Alice: welcome')).toBeVisible()
    await page.evaluate(() =>
      window.tabmesh?.topic('chat.general').publish('thank you', { headers: { name: 'Embedder' } }),
    )
    await alice.hears('thank you')
  })
})
