import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

/** Only Chromium's driver can clear site data under an open page. */
test('NODE6: site data that is cleared under an open page ends the node with its reason', async ({
  alice,
}) => {
  await alice.startsRoom()
  await alice.says('soon gone')
  const ended = alice.tells(() => window.tabmesh?.closed)
  const session = await alice.context.newCDPSession(alice.page)
  await session.send('Storage.clearDataForOrigin', {
    origin: new URL(alice.page.url()).origin,
    storageTypes: 'all',
  })
  expect(await ended).toBe('storage')
  await expect(alice.heading(text.ended['storage']?.[0] ?? '')).toBeVisible()
})
