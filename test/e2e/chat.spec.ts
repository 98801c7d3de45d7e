import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

test.describe('chat', () => {
  test('what one says, all hear, in the order in which it was said', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    for (const word of ['one', 'two', 'three']) await alice.says(word)
    for (const hearer of [bob, carol]) {
      await hearer.hears('three')
      await expect(hearer.log('general').getByRole('article')).toContainText(['one', 'two', 'three'])
    }
  })

  test('a message is sending while nobody else is here, and delivered when somebody has stored it', async ({
    alice,
    bob,
  }) => {
    await alice.opens('/#new')
    await alice.says('is anybody here?')
    await expect(alice.message('is anybody here?')).toContainText(text.chat.sending)
    await bob.opens(await alice.invite())
    await bob.hears('is anybody here?')
    await expect(alice.message('is anybody here?')).toContainText(text.chat.delivered)
  })

  test('messages are kept across a reload', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.says('remember this')
    await bob.hears('remember this')
    await expect(alice.message('remember this')).toContainText(text.chat.delivered)
    await everybody.reloads()
    await alice.hears('remember this')
    await bob.hears('remember this')
    await expect(alice.message('remember this')).toHaveCount(1)
    await expect(bob.message('remember this')).toHaveCount(1)
  })

  test('what was written alone goes out after a reload too', async ({ alice, bob }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    await alice.says('written before anybody came')
    await alice.reloads()
    await bob.opens(invite)
    await bob.hears('written before anybody came')
    await expect(alice.message('written before anybody came')).toContainText(text.chat.delivered)
  })

  test('each topic has its own messages', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    await alice.says('about cats', 'cats')
    await alice.says('about dogs', 'dogs')
    await bob.hears('about cats', 'cats')
    await bob.hears('about dogs', 'dogs')
    await expect(bob.message('about cats', 'dogs')).toHaveCount(0)
  })

  test('UI3: a message looks like what was typed, whatever was typed', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    const nasty = '<img src=x onerror=alert(1)> & "quotes" 日本語 👩‍👩‍👧'
    await alice.says(nasty)
    await bob.hears(nasty)
    await expect(bob.page.locator('img[src=x]')).toHaveCount(0)
  })

  test('MSG: the console API publishes and subscribes with wildcards', async ({ alice, bob, everybody }) => {
    await everybody.meets()
    const heard = bob.tells(async () => {
      const bodies: unknown[] = []
      const subscription = window.tabmesh?.topic('sensors.#').subscribe()
      await subscription?.ready
      Object.assign(window, { isListening: true })
      for await (const message of subscription ?? []) {
        bodies.push([message.topic, message.body])
        if (bodies.length === 2) return bodies
      }
      return bodies
    })
    await bob.waits(() => 'isListening' in window, undefined, 10_000)
    await alice.tells(async () => {
      await window.tabmesh?.topic('sensors.lab1').publish({ celsius: 21.5 })
      await window.tabmesh?.topic('other').publish('not for bob')
      await window.tabmesh?.topic('sensors.lab2.shelf').publish(7n.toString())
    })
    expect(await heard).toEqual([
      ['sensors.lab1', { celsius: 21.5 }],
      ['sensors.lab2.shelf', '7'],
    ])
  })
})
