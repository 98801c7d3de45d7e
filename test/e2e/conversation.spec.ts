import { text } from '../../web/ui/text.ts'
import { type Actor, types } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { DOT } from './fixtures/dot.ts'

const GENERAL = text.chat.general
async function acts(actor: Actor, words: string, action: string): Promise<void> {
  // The first: answers quote it.
  const message = actor.message(words).first()
  await message.hover()
  await message.getByRole('button', { name: text.chat.actions }).click()
  await message.getByRole('button', { name: action }).click()
}

function box(actor: Actor, topic: string = GENERAL) {
  return actor.page.getByRole('textbox', { name: text.chat.placeholder(topic) })
}

test.describe('conversation', () => {
  test('UI11 a message is answered, changed, given a sign, and deleted, for everybody', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.says('lunch at noon')
    await bob.hears('lunch at noon')
    await acts(bob, 'lunch at noon', text.chat.reply)
    await types(box(bob), 'I am in')
    await box(bob).press('Enter')
    const answer = alice.message('I am in')
    await expect(answer.getByRole('button', { name: text.chat.quoted('Alice') })).toContainText(
      'lunch at noon',
    )
    await acts(bob, 'lunch at noon', text.chat.react('👍'))
    const sign = alice
      .message('lunch at noon')
      .getByRole('button', { name: text.chat.reaction('👍', ['Bob']) })
    await expect(sign).toHaveText('👍 1')
    await sign.click()
    await expect(bob.message('lunch at noon').first().getByRole('button', { pressed: true })).toHaveText(
      '👍 2',
    )
    await acts(alice, 'lunch at noon', text.chat.edit)
    await types(box(alice), 'lunch at one')
    await box(alice).press('Enter')
    await expect(bob.message('lunch at one').first()).toContainText(text.chat.edited)
    await expect(bob.message('lunch at noon')).toHaveCount(0)
    await acts(alice, 'lunch at one', text.chat.remove)
    await alice.page.getByRole('dialog').getByRole('button', { name: text.chat.remove }).click()
    await expect(bob.message(text.chat.deleted).first()).toBeVisible()
    await everybody.reloads()
    await expect(bob.message(text.chat.deleted).first()).toBeVisible()
    await expect(bob.message('I am in')).toBeVisible()
  })

  test('UI12 a person is named, finds it, and searches', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await bob.shows('files')
    await alice.shows('chat')
    await types(box(alice), 'look at this, @b')
    await alice.page.getByRole('option', { name: '@Bob' }).click()
    await expect(box(alice)).toHaveValue('look at this, @Bob ')
    await box(alice).press('Enter')
    const chat = bob.page
      .getByRole('navigation', { name: text.room.label })
      .getByRole('button', { name: 'Chat' })
    await expect(chat).toContainText(text.chat.unread(1, true))
    await expect.poll(() => bob.page.title()).toBe('(1) Tabmesh')
    await bob.hears('look at this')
    await expect(bob.message('look at this').locator('.mention')).toHaveText('@Bob')
    await alice.says('nothing to see', 'other')
    await bob.page.getByRole('button', { name: text.chat.search }).click()
    await types(bob.page.getByRole('searchbox', { name: text.chat.searchHint }), 'SEE nothing')
    await bob.page.getByRole('dialog').getByRole('button', { name: 'nothing to see' }).click()
    await expect(bob.log('other')).toBeVisible()
    await expect(bob.message('nothing to see', 'other')).toBeFocused()
  })

  test('UI13 who types, who has read, what is new, and what was typed and not sent', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.says('first')
    await bob.hears('first')
    await expect(alice.message('first')).toContainText(text.chat.read('Bob'))
    await alice.says('second', 'other')
    await types(box(bob), 'half a thou')
    await expect(alice.page.getByText(text.chat.typing(['Bob']))).toHaveCount(0)
    await alice.showsTopic(GENERAL)
    await types(box(bob), '')
    await types(box(bob), 'half a thought')
    await expect(alice.page.getByText(text.chat.typing(['Bob']))).toBeVisible()
    await bob.shows('files')
    await alice.says('third')
    await bob.reloads()
    await bob.showsTopic(GENERAL)
    await expect(bob.log(GENERAL).getByText(text.chat.newLine, { exact: true })).toBeVisible()
    await expect(box(bob)).toHaveValue('half a thought')
  })

  test('UI14 a file in a message is fetched, shown and saved', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.sharesFile('dot.png', DOT)
    await bob.hears('dot.png')
    await bob.fetchesFile('dot.png')
    const picture = bob.message('dot.png').getByRole('img', { name: text.transfers.picture('dot.png') })
    await expect(picture).toBeVisible()
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1)
    await alice.sharesFile('words.txt', Buffer.from('some words'), 'text/plain')
    await bob.hears('words.txt')
    await bob.fetchesFile('words.txt')
    const save = bob.message('words.txt').getByRole('button', { name: text.transfers.saveAs })
    expect(await bob.downloads(save)).toBe('some words')
  })

  test('UI14 a file is offered to one person, who takes it or not', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    const wanted = 'w'.repeat(3_000_000)
    await alice.offersFile('Bob', 'wanted.txt', Buffer.from(wanted))
    await expect(bob.page.getByText(text.transfers.offers('Alice'))).toContainText('wanted.txt')
    await bob.button(text.transfers.accept).click()
    await expect(alice.page.getByText(text.transfers.state.done)).toBeVisible()
    expect((await bob.downloads(`${text.transfers.saveAs} wanted.txt`)) === wanted).toBe(true)
    await alice.offersFile('Bob', 'unwanted.txt', Buffer.from(wanted))
    await expect(bob.page.getByText(text.transfers.offers('Alice'))).toContainText('unwanted.txt')
    await bob.page.getByRole('button', { name: text.transfers.decline }).click()
    await expect(alice.page.getByText(text.transfers.state.declined)).toBeVisible()
    await everybody.reloads()
    await expect(bob.page.getByRole('button', { name: `${text.transfers.saveAs} wanted.txt` })).toBeVisible()
    await bob.page.getByRole('button', { name: `${text.transfers.remove} wanted.txt` }).click()
    await expect(bob.page.getByText('wanted.txt')).toHaveCount(0)
  })
})
