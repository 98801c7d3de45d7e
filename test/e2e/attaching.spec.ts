import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

test('UI18: a file dropped on the conversation and a pasted picture are attached', async ({ alice }) => {
  await alice.opens('/#new')
  await alice.shows('chat')
  await alice.tells(() => {
    const dropped = new DataTransfer()
    dropped.items.add(new File(['name,age\n'], 'people.csv', { type: 'text/csv' }))
    for (const type of ['dragover', 'drop']) {
      const event = new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true })
      document.querySelector('[role=log]')?.dispatchEvent(event)
    }
    const pasted = new DataTransfer()
    pasted.items.add(new File([new Uint8Array(9)], 'image.png', { type: 'image/png' }))
    // Firefox's own constructor takes no files.
    const paste = new ClipboardEvent('paste', { bubbles: true, cancelable: true })
    Object.defineProperty(paste, 'clipboardData', { value: pasted })
    document.querySelector('textarea')?.dispatchEvent(paste)
  })
  await expect(alice.message('people.csv')).toContainText(text.transfers.ownFile)
  await expect(alice.message('image.png')).toContainText(text.transfers.ownFile)
  expect(await alice.tells(() => window.tabmesh?.datasets.list().length)).toBe(0)
})

test('UI11: the menu of the newest message is in sight as a whole, on a phone too', async ({ alice }) => {
  await alice.page.setViewportSize({ width: 390, height: 700 })
  await alice.opens('/#new')
  await alice.tells(async () => {
    for (let at = 0; at < 20; at++) await window.tabmesh?.topic('chat.general').publish(`line ${at}`)
  })
  const newest = alice.message('line 19')
  await newest.hover()
  await newest.getByRole('button', { name: text.chat.actions }).click()
  const log = await alice.log(text.chat.general).boundingBox()
  const menu = await alice.page.locator('.menu').boundingBox()
  if (!log || !menu) throw new Error('the menu is not shown')
  expect(menu.y).toBeGreaterThanOrEqual(log.y)
  expect(menu.y + menu.height).toBeLessThanOrEqual(log.y + log.height)
  expect(menu.x).toBeGreaterThanOrEqual(0)
})
