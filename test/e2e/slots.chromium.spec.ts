import { expect, test } from './fixtures/actors.ts'

/** Only Chromium's driver can kill one tab of a browser. */
test.describe('slots of tabs that die', () => {
  test('a crashed tab’s slot goes to the next tab, once', async ({ alice }) => {
    await alice.opens('/#new')
    const invite = await alice.invite()
    const second = await alice.opensSecondTab('Second', invite)
    const ids = [await alice.id(), await second.id()] as const
    await second.isKilled()
    await alice.misses(ids[1], 6_000)
    const [third, fourth] = await Promise.all([
      alice.opensSecondTab('Third', invite),
      alice.opensSecondTab('Fourth', invite),
    ])
    const later = [await third.id(), await fourth.id()]
    expect(later).toContain(ids[1])
    expect(new Set([ids[0], ...later]).size).toBe(3)
    await alice.hasPeers(2)
  })
})
