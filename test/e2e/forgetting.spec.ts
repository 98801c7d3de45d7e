import { text } from '../../web/ui/text.ts'
import { types } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

test('UI17: what is forgotten in one tab is gone from the lists of all, with its drafts and read marks', async ({
  alice,
}) => {
  await alice.startsRoom()
  await alice.says('read')
  const roomId = await alice.tells(() => window.tabmesh?.roomId ?? '')
  const box = alice.page.getByRole('textbox', { name: text.chat.placeholder(text.chat.general) })
  await types(box, 'not sent')
  const kept = () =>
    alice.tells((room) => Object.keys(localStorage).filter((key) => key.includes(room)), roomId)
  await expect.poll(kept).toHaveLength(2)
  const other = await alice.context.newPage()
  await other.goto(new URL('/', alice.page.url()).href)
  await other.getByRole('link', { name: text.home.unnamed }).waitFor()
  await alice.button(`${text.room.leave}: ${text.back}`).click()
  await alice.button(`${text.home.forget}: ${text.home.unnamed}`).click()
  await alice.button(text.home.forgetConfirm).click()
  await expect(alice.page.getByText(text.home.noRooms)).toBeVisible()
  await expect(other.getByText(text.home.noRooms)).toBeVisible()
  expect(await kept()).toEqual([])
})
