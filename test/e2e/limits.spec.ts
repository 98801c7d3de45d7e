import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

interface CrowdWindow {
  joinMany(count: number, invite: string, signalingUrl: string): Promise<void>
  counts(): number[]
}
declare const window: Window & CrowdWindow

test.describe('limits of a room', () => {
  test('a thirteenth member is told that the room is full', async ({ alice, bob, page, server }) => {
    test.setTimeout(120_000)
    await alice.opens('/#new')
    const invite = await alice.invite()
    await page.goto(`${server.pages.url}/crowd`)
    await page.waitForFunction(() => 'joinMany' in window)
    await page.evaluate(([link, url]) => window.joinMany(11, link, url), [invite, server.url] as const)
    await alice.hasPeers(11, 30_000)
    await expect
      .poll(() => page.evaluate(() => window.counts()), { timeout: 30_000 })
      .toEqual(Array(11).fill(11))
    await bob.goesTo(invite)
    await expect(bob.page.getByText(text.ended['room-full']?.[0] ?? '').first()).toBeVisible({
      timeout: 20_000,
    })
    await alice.hasPeers(11)
  })

  test('a peer of another protocol version is told so, and the room goes on', async ({
    alice,
    bob,
    page,
    server,
  }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    await bob.opens(invite)
    await alice.sees(bob)
    await page.goto(
      `${server.pages.url}/embed?version=99&signaling=${encodeURIComponent(server.url)}${new URL(invite).hash}`,
    )
    await expect.poll(() => page.evaluate(() => window.tabmesh?.getSnapshot().problem?.code)).toBe('version')
    await bob.says('we go on')
    await alice.hears('we go on')
    await alice.hasPeers(1)
  })

  test('a peer whose id somebody has taken says so and joins when it is free', async ({
    alice,
    bob,
    server,
  }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    await bob.opens(invite)
    await alice.sees(bob)
    const [id, key] = await bob.tells(() => [window.tabmesh?.id ?? '', window.tabmesh?.roomId ?? ''] as const)
    await bob.page.goto('about:blank')
    await alice.misses(id, 6_000)
    // The room and the server hear of it on different ways.
    const listing = () => fetch(`${server.url}/${key}/peers`).then((answer) => answer.json())
    await expect.poll(listing).not.toContain(id)
    const taken = await alice.page.evaluateHandle(
      ([url, peer, room]) =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(
            `${url.replace('http', 'ws')}/peerjs?key=${room}&id=${peer}&token=thief`,
          )
          socket.onmessage = (event) =>
            String(event.data).includes('OPEN') ? resolve(socket) : reject(new Error(String(event.data)))
        }),
      [server.url, id, key] as const,
    )
    await bob.goesTo(invite)
    await expect(bob.page.getByText(/taken|already in use|another tab/i).first()).toBeVisible()
    await taken.evaluate((socket) => socket.close())
    await bob.hasPeers(1, 30_000)
  })
})
