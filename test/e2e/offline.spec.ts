import { text } from '../../web/ui/text.ts'
import type { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

/** The shell is kept and the service worker has this page: from here on the page opens without the server. */
async function isKept(actor: Actor): Promise<void> {
  await actor.tells(async () => {
    const { serviceWorker } = navigator
    if (serviceWorker.controller) return
    await new Promise<void>((resolve) => {
      serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true })
    })
  })
}

test.describe('with the server stopped', () => {
  test('the page opens, shows its data and runs a job on it; later it finds the server again', async ({
    alice,
    server,
  }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', 'ant\nbee\nant\n')
    await alice.says('written before')
    await isKept(alice)
    await server.stop()
    await alice.reloads()
    const status = alice.page.getByRole('status')
    await expect(status.filter({ hasText: text.signaling.unreachable[0] })).toBeVisible({ timeout: 20_000 })
    await alice.hears('written before')
    expect(await alice.reads('lines.txt')).toEqual(['ant', 'bee', 'ant'])
    const report = await alice.runsJob('lines.txt', {
      map: '(line, ctx) => ctx.emit(line, 1)',
      reduce: '(key, values) => values.length',
    })
    expect(report.result).toEqual([
      ['ant', 2],
      ['bee', 1],
    ])
    await server.start()
    await expect(status.filter({ hasText: text.signaling.connected[0] })).toBeVisible({ timeout: 40_000 })
  })

  test('who is linked stays linked, and goes on talking', async ({ alice, bob, server, everybody }) => {
    await everybody.meets()
    await server.stop()
    await alice.says('who needs a server')
    await bob.hears('who needs a server')
    await expect(alice.message('who needs a server')).toContainText(text.chat.delivered)
    await bob.hasPeers(1)
  })

  test('the front page opens and lists the rooms', async ({ alice, server }) => {
    await alice.startsRoom()
    await isKept(alice)
    await server.stop()
    await alice.goesHome()
    await expect(alice.page.getByRole('link', { name: text.home.unnamed })).toBeVisible()
  })

  test('UI8: the service worker answers nothing of the server’s own', async ({ alice, server }) => {
    await alice.opens('/#new')
    await isKept(alice)
    await server.stop()
    const answers = await alice.tells(() =>
      Promise.all(
        ['/healthz', '/metrics', '/abc/peers', '/abc/id'].map((path) =>
          fetch(path).then(
            () => 'answered',
            () => 'refused',
          ),
        ),
      ),
    )
    expect(answers).toEqual(['refused', 'refused', 'refused', 'refused'])
  })
})
