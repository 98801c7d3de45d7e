import { text } from '../../web/ui/text.ts'
import { types } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

test.describe('room', () => {
  test('a person starts a room, another opens the invite, and they see each other', async ({
    alice,
    bob,
  }) => {
    await alice.startsRoom()
    await bob.opens(await alice.invite())
    await alice.sees(bob)
    await bob.sees(alice)
  })

  test('UI1: after joining the address names the room and not its secret', async ({ alice, bob }) => {
    await alice.startsRoom()
    const invite = await alice.invite()
    await bob.opens(invite)
    const roomId = await bob.tells(() => window.tabmesh?.roomId)
    expect(new URL(bob.page.url()).hash).toBe(`#${roomId}`)
    expect(new URL(invite).hash).not.toContain(roomId)
  })

  test('/#new makes a room without a click', async ({ alice }) => {
    await alice.opens('/#new')
    await expect(alice.button(text.room.invite)).toBeVisible()
  })

  test('the invite is shown as a link, with a button that copies it and, on this computer, what to do for others', async ({
    alice,
    browserName,
  }) => {
    await alice.opens('/#new')
    if (browserName === 'chromium')
      await alice.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await alice.button(text.room.invite).click()
    const dialog = alice.page.getByRole('dialog', { name: text.invite.title })
    await expect(dialog).toContainText(text.invite.local)
    await expect(dialog.getByRole('img', { name: text.invite.qr })).toBeHidden()
    await dialog.getByRole('button', { name: text.invite.copy }).click()
    await expect(dialog.getByRole('button', { name: text.invite.copied })).toBeVisible()
  })

  test('a new name reaches the others and is remembered', async ({ alice, bob }) => {
    await alice.opens('/#new')
    await bob.opens(await alice.invite())
    await alice.sees(bob)
    await bob.page.getByRole('button', { name: /^Bob\b.*change your name/ }).click()
    await types(bob.page.getByRole('textbox', { name: text.room.yourName }), 'Robert')
    await bob.button(text.room.save).click()
    await expect(alice.person('Robert')).toBeVisible()
    await bob.reloadsPage()
    await expect(bob.page.getByRole('button', { name: /^Robert\b.*change your name/ })).toBeVisible()
  })

  test('the front page lists the rooms known here, and opens one by a click', async ({ alice }) => {
    await alice.startsRoom()
    const roomId = await alice.tells(() => window.tabmesh?.roomId)
    await alice.goesHome()
    await alice.page.getByRole('link', { name: text.home.unnamed }).click()
    await alice.isInRoom()
    expect(await alice.tells(() => window.tabmesh?.roomId)).toBe(roomId)
  })

  test('UI5: a forgotten room is gone with all that it stored, once a person has said so', async ({
    alice,
  }) => {
    await alice.startsRoom()
    await alice.adds('notes.txt', 'one line\nanother line\n')
    const roomId = await alice.tells(() => window.tabmesh?.roomId)
    await alice.goesHome()
    await alice.page.getByRole('button', { name: text.home.forget }).click()
    await expect(alice.button(text.room.cancel)).toBeFocused()
    await alice.button(text.home.forgetConfirm).click()
    await expect(alice.page.getByText(text.home.noRooms)).toBeVisible()
    await alice.goesTo(`/#${roomId}`)
    await expect(alice.page.getByText(text.failed['unknown-room']?.[0] ?? '')).toBeVisible()
    const left = await alice.tells(async () => (await indexedDB.databases()).map((database) => database.name))
    expect(left.filter((name) => name?.includes(roomId ?? '-'))).toEqual([])
  })

  test('forgetting a room ends its other tab here, which says so', async ({ alice }) => {
    await alice.startsRoom()
    const second = await alice.opensSecondTab('Second', await alice.invite())
    await alice.goesHome()
    await alice.page.getByRole('button', { name: text.home.forget }).click()
    await alice.button(text.home.forgetConfirm).click()
    await expect(second.page.getByText(text.ended['forgotten']?.[0] ?? '')).toBeVisible()
  })

  test('a closed tab is gone for the others within a second', async ({ alice, bob }) => {
    await alice.opens('/#new')
    await bob.opens(await alice.invite())
    await alice.sees(bob)
    const id = await bob.id()
    await bob.leaves()
    await alice.misses(id, 1_000)
  })

  test('a killed tab is gone for the others within six seconds', async ({ alice, carol }) => {
    await alice.opens('/#new')
    await carol.opens(await alice.invite())
    await alice.sees(carol)
    const id = await carol.id()
    await carol.isKilled()
    await alice.misses(id, 6_000)
  })

  test('a main thread that is blocked for three seconds loses no link', async ({ alice, bob }) => {
    await alice.opens('/#new')
    await bob.opens(await alice.invite())
    await alice.sees(bob)
    await alice.tells(() => {
      const seen: number[] = []
      Object.assign(window, { peerCounts: seen })
      window.tabmesh?.subscribe(() => seen.push(window.tabmesh?.peers().length ?? 0))
    })
    await bob.tells(() => {
      const endMs = performance.now() + 3_000
      while (performance.now() < endMs);
    })
    await bob.says('still here')
    await alice.hears('still here')
    expect(
      await alice.tells(() => (window as Window & { peerCounts?: number[] }).peerCounts ?? []),
    ).not.toContain(0)
  })

  test('a reloaded tab is the same peer again', async ({ alice, bob }) => {
    await alice.opens('/#new')
    await bob.opens(await alice.invite())
    const id = await bob.id()
    await bob.reloads()
    expect(await bob.id()).toBe(id)
    await alice.sees(bob)
    await alice.hasPeers(1)
  })

  test('a room id without its secret asks for the invite', async ({ alice }) => {
    await alice.goesTo(`/#${'a'.repeat(32)}`)
    await expect(alice.page.getByText(text.failed['unknown-room']?.[0] ?? '')).toBeVisible()
    await expect(alice.page.getByRole('textbox', { name: text.home.join })).toBeVisible()
  })

  test('an invite that lost its end says so', async ({ alice, bob }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    await bob.goesTo(invite.slice(0, -5))
    await expect(bob.page.getByText(text.failed['bad-invite']?.[0] ?? '')).toBeVisible()
  })

  test('something that is no invite is refused where it is pasted', async ({ alice }) => {
    await alice.goesHome()
    await types(alice.page.getByRole('textbox', { name: text.home.join }), 'https://example.org/')
    await alice.button(text.home.joinButton).click()
    await expect(alice.page.getByText(text.home.notAnInvite)).toBeVisible()
  })

  test('INV4: a message with an invite in it is pasted and joins', async ({ alice, bob }) => {
    await alice.startsRoom()
    const invite = await alice.invite()
    await bob.goesHome()
    await types(
      bob.page.getByRole('textbox', { name: text.home.join }),
      `Come in: <${invite.replace('#', '%23')}>, now.`,
    )
    await bob.button(text.home.joinButton).click()
    await bob.isInRoom()
    await alice.sees(bob)
    expect(bob.page.url()).not.toContain(new URL(invite).hash.slice(1))
  })

  test('INV5: an invite for another server says so, offers the way there, and leaves no secret in the address', async ({
    alice,
  }) => {
    await alice.goesHome()
    const invite = 'https://mesh.example/room/#a4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4d2hwbezm'
    await types(alice.page.getByRole('textbox', { name: text.home.join }), invite)
    await alice.button(text.home.joinButton).click()
    await expect(alice.page.getByText(text.failed['other-server']?.[0] ?? '')).toBeVisible()
    await expect(alice.link(text.openThere)).toHaveAttribute('href', invite)
    expect(new URL(alice.page.url()).hash).toBe('')
  })

  test('UI2: back in the history leaves the room, and its page shows the rooms', async ({ alice }) => {
    await alice.startsRoom()
    await alice.tells(() => history.back())
    await expect(alice.link(text.home.start)).toBeVisible()
    expect(await alice.tells(() => window.tabmesh === undefined)).toBe(true)
  })

  test('UI16: back twice while a job ends shows the room that this tab is in, and is in no other', async ({
    alice,
  }) => {
    await alice.opens('/#new')
    const rooms = [await alice.tells(() => window.tabmesh?.roomId ?? '')]
    for (let at = 0; at < 2; at++) {
      await alice.tells(() => {
        location.hash = 'new'
      })
      await alice.waits(
        (known) => window.tabmesh !== undefined && !known.includes(window.tabmesh.roomId),
        rooms,
        15_000,
      )
      rooms.push(await alice.tells(() => window.tabmesh?.roomId ?? ''))
    }
    await alice.adds('lines.txt', 'one')
    const ended = await alice.tells(async () => {
      const last = window.tabmesh
      last?.jobs
        .mapReduce({ dataset: 'lines.txt', map: '() => { for (;;); }' })
        .result()
        .catch(() => undefined)
      for (let times = 0; times < 2; times++) {
        const moved = new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }))
        history.back()
        await moved
      }
      return last?.closed
    })
    expect(ended).toBe('closed')
    await alice.waits((first) => window.tabmesh?.roomId === first, rooms[0] as string, 15_000)
    expect(new URL(alice.page.url()).hash).toBe(`#${rooms[0]}`)
    await expect(alice.heading(`${text.room.label} ${rooms[0]?.slice(0, 6)}`)).toBeVisible()
  })
})
