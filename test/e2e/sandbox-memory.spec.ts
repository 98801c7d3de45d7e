import type { Actor } from './fixtures/actor.ts'
import { expect, test } from './fixtures/actors.ts'

const LINES = Array.from({ length: 400 }, (_, line) => `${line}`.padStart(59, '.')).join('\n')
const COUNT = {
  map: "(line, ctx) => ctx.emit('lines', 1)",
  reduce: '(key, values) => values.length',
}
/** They stop growing at some gigabytes, which is more than a browser gives a Worker or more than it should: then they stay. */
const BOMBS = {
  arrays:
    '() => { const all = []; for (;;) if (all.length < 6_000) all.push(new Array(100_000).fill(all.length + 0.5)) }',
  buffers:
    '() => { const all = []; for (;;) if (all.length < 48) all.push(new Uint8Array(64 * 2 ** 20).fill(1)) }',
} as const

/** What becomes of a job whose only worker fails it, dies of it, or refuses it. */
const CODES = ['task-failed', 'task-timeout', 'no-workers', 'shards-missing']

test.describe('memory', () => {
  test.setTimeout(90_000)

  for (const [what, map] of Object.entries(BOMBS)) {
    test(`SBX7: a task that eats ${what} fails its job, and the room, its data and the next job are unharmed`, async ({
      alice,
      bob,
      everybody,
      browserName,
    }) => {
      await everybody.meets()
      await alice.adds('lines.txt', LINES, { format: 'text', replicas: 2 })
      await bob.keeps('lines.txt', 2)
      const invite = await alice.invite()
      // Only Bob's tab runs it: browsers bound no Worker's memory for sure, so his tab may die of it.
      await alice.tells(() => window.tabmesh?.configure({ takesWork: false }))
      await alice.waits(() => window.tabmesh?.peers()[0]?.slots === 1, undefined, 5_000)
      const dies = bob.dies().then(() => true)
      const failing = alice.failsJob('lines.txt', { map, taskTimeoutMs: 15_000 })
      const isDead = await Promise.race([failing.then(() => false), dies])
      // Back again, his tab refuses the job that it died of, so the job fails and not the tab.
      if (isDead) await bob.opensAgain(invite)
      expect(CODES).toContain((await failing)['code'])
      // Chromium's driver takes a tab for dead when the sandbox's own process has died, which it may tell late.
      if (browserName === 'chromium') await bob.opensAgain(invite)
      await alice.tells(() => window.tabmesh?.configure({ takesWork: true }))
      // A sandbox's process that is still dying takes a new tab's mark with it: then Bob opens another.
      for (let tries = 1; ; tries++) {
        const late = bob.dies().then(() => true)
        const well = areWell(alice, bob, tries)
        well.catch(() => undefined)
        if (!(await Promise.race([well.then(() => false), late]))) break
        await bob.opensAgain(invite)
      }
    })
  }
})

async function areWell(alice: Actor, bob: Actor, tries: number): Promise<void> {
  await alice.sees(bob)
  await isWell(alice, bob, tries)
  await isWell(bob, alice, tries)
}

/** Talks, has its data, and works: both tabs have just run the bomb. */
async function isWell(one: Actor, other: Actor, tries: number): Promise<void> {
  await one.says(`${one.name} is here, ${tries}`)
  await other.hears(`${one.name} is here, ${tries}`)
  expect(await one.reads('lines.txt')).toEqual(LINES.split('\n'))
  const report = await one.runsJob('lines.txt', { ...COUNT, taskTimeoutMs: 5_000 })
  expect(report.result).toEqual([['lines', 400]])
  expect(report.attemptsFailed).toBe(0)
}
