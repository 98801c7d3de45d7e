import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import { text } from '../../web/ui/text.ts'
import type { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'
import { DOT } from './fixtures/dot.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** WCAG 2.2 to level AA, and what axe holds for good practice. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const PEOPLE = 'name,city\nAda,London\nGrace,New York\nEdsger,London\n'

/** Nothing that axe finds in the view that is shown now, light and dark, and nothing wider than the window. */
async function isAccessible(actor: Actor, view: string): Promise<void> {
  await actor.page.evaluate(AXE)
  for (const colorScheme of ['light', 'dark'] as const) {
    await actor.page.emulateMedia({ reducedMotion: 'reduce', colorScheme })
    // The page hears of it a moment later, and then fades over.
    await actor.page.waitForFunction(
      (wanted) => matchMedia(`(prefers-color-scheme: ${wanted})`).matches,
      colorScheme,
    )
    await isAccessibleNow(actor, `${view}, ${colorScheme}`)
  }
}

async function isAccessibleNow(actor: Actor, view: string): Promise<void> {
  const faults = await actor.tells(async (values) => {
    // A frame for what has just changed, and frames until nothing fades any more.
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    for (let quiet = 0; quiet < 2; ) {
      await frame()
      const running = document.getAnimations().filter(({ playState }) => playState === 'running')
      quiet = running.length === 0 ? quiet + 1 : 0
      await Promise.all(running.map((animation) => animation.finished.catch(() => undefined)))
    }
    const options: RunOptions = { runOnly: { type: 'tag', values } }
    const { axe } = window as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }
    const { violations } = await axe.run(options)
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)
  }, TAGS)
  expect.soft(faults, view).toEqual([])
  const overflow = await actor.tells(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect.soft(overflow, `${view}: pixels beyond the window`).toBeLessThanOrEqual(0)
}

for (const width of [390, 1440]) {
  test(`every view keeps WCAG 2.2 AA, light and dark, ${width} px`, async ({ alice, bob }) => {
    test.setTimeout(120_000)
    await alice.page.setViewportSize({ width, height: 900 })
    await alice.goesHome()
    await alice.choosesTheme('dark')
    await isAccessible(alice, 'home in a chosen theme')
    await alice.choosesTheme('auto')
    await isAccessible(alice, 'home without rooms')
    await alice.startsRoom()
    await isAccessible(alice, 'an empty room')
    await bob.opens(await alice.invite())
    await alice.hasPeers(1)
    await alice.says('hello')
    await alice.says('and a topic', 'plans')
    await isAccessible(alice, 'chat')
    await bob.sharesFile('dot.png', DOT)
    await alice.showsTopic(text.chat.general)
    await alice.fetchesFile('dot.png')
    await alice.message('hello').hover()
    await alice.message('hello').getByRole('button', { name: text.chat.actions }).click()
    await isAccessible(alice, 'chat with a file and the actions of a message')
    await alice.button(text.chat.react('👍')).click()
    await alice.button(text.chat.search).click()
    await alice.page.getByRole('searchbox').pressSequentially('topic')
    await isAccessible(alice, 'search')
    await alice.button(text.room.close).click()
    await alice.button(text.chat.notify).click()
    await isAccessible(alice, 'notifications')
    await alice.button(text.room.close).click()
    await bob.offersFile('Alice', 'offer.txt', Buffer.from('hi'))
    await expect(alice.page.getByText(text.transfers.offers(bob.name))).toBeVisible()
    await isAccessible(alice, 'an offered file')
    await alice.button(text.transfers.accept).click()
    await alice.button(text.room.invite).click()
    await isAccessible(alice, 'invite')
    await alice.button(text.room.close).click()
    await alice.shows('queues')
    await isAccessible(alice, 'no queues')
    await alice.sendsToQueue('orders', '{ "item": 7 }')
    await isAccessible(alice, 'queues')
    await alice.opensQueue('orders')
    await expect(alice.page.getByRole('cell', { name: /item/ })).toBeVisible()
    await isAccessible(alice, 'a queue')
    await alice.shows('files')
    await isAccessible(alice, 'no files')
    await alice.choosesFile({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(PEOPLE) })
    await expect(alice.page.getByRole('columnheader', { name: 'city' })).toBeVisible()
    await isAccessible(alice, 'preview')
    await alice.confirmsPreview()
    await alice.keeps('people.csv', 2)
    await isAccessible(alice, 'files')
    await alice.page.getByRole('button', { name: /people\.csv/ }).click()
    await alice.page.getByText(text.files.list).click()
    await isAccessible(alice, 'a file')
    await alice.shows('compute')
    await isAccessible(alice, 'compute')
    await alice.runsExample('Count by city')
    await isAccessible(alice, 'result as a table')
    await alice.page.getByRole('tab', { name: text.compute.chart }).click()
    await isAccessible(alice, 'result as a chart')
    // Only the section scrolls: nothing that is hidden in it may make the document longer than the window.
    const tooHigh = await alice.tells(() => document.documentElement.scrollHeight - innerHeight)
    expect.soft(tooHigh, 'result as a chart: pixels below the window').toBeLessThanOrEqual(0)
    if (width < 1200) {
      await alice.shows('people')
      await isAccessible(alice, 'people')
    }
    await alice.goesHome()
    await isAccessible(alice, 'home')
    await alice.page.getByRole('button', { name: new RegExp(`^${text.home.forget}`) }).click()
    await isAccessible(alice, 'forget a room')
    await alice.goesTo(`/#${'a'.repeat(32)}`)
    await expect(alice.page.getByText(text.failed['unknown-room']?.[0] ?? '')).toBeVisible()
    await isAccessible(alice, 'an unknown room')
  })
}

test.describe('by keyboard alone', () => {
  test('a person starts a room, writes, goes to the files, and opens and closes the invite', async ({
    alice,
  }) => {
    const { page } = alice
    const focused = (name: string) =>
      page.locator(':focus').and(page.getByText(name).or(page.getByRole('button', { name })))
    const tabsTo = async (name: string) => {
      for (let presses = 0; presses < 40; presses++) {
        if (await focused(name).count()) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`no way to "${name}" by Tab`)
    }
    await alice.goesHome()
    await tabsTo(text.home.start)
    await page.keyboard.press('Enter')
    await alice.isInRoom()
    await tabsTo(text.room.invite)
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: text.invite.title })
    await expect(dialog).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
    await expect(alice.button(text.room.invite)).toBeFocused()
    await tabsTo(text.room.sections.files)
    await page.keyboard.press('Enter')
    await expect(alice.heading(text.files.title)).toBeVisible()
  })
})
