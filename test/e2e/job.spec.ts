import { text } from '../../web/ui/text.ts'
import { expect, test } from './fixtures/actors.ts'

const WORDS = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox', 'gnu', 'hen']
/** 8,000 lines, 1,000 for each word, in 16 shards or so. */
const LINES = Array.from({ length: 8_000 }, (_, line) =>
  `${WORDS[line % WORDS.length]} ${line}`.padEnd(15, ' '),
).join('\n')
const SHARDS = { format: 'text', shardBytes: 8_192, replicas: 2 } as const
const COUNT_WORDS = {
  map: "(line, ctx) => ctx.emit(line.split(' ')[0], 1)",
  combine: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
  reduce: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
}
const COUNTED = WORDS.map((word) => [word, 1_000])
/** The same, at a pace at which something can happen meanwhile: 50 ms for each 100 lines. */
const SLOWLY = {
  ...COUNT_WORDS,
  map: `(line, ctx) => {
    if (Number(line.slice(3)) % 100 === 0) { const end = performance.now() + 50; while (performance.now() < end); }
    ctx.emit(line.split(' ')[0], 1)
  }`,
}

test.describe('job', () => {
  test('JOB: a count over a room is right, and its map tasks run where the shards are', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    for (const actor of [bob, carol]) await actor.keeps('lines.txt', 2)
    const report = await bob.runsJob('lines.txt', COUNT_WORDS)
    expect(report.result).toEqual(COUNTED)
    expect(report.tasksMoved).toBe(0)
    expect(report.tasksLocal).toBeGreaterThan(10)
    expect(report.attemptsFailed).toBe(0)
    expect(report.bytesMoved).toBeLessThan(LINES.length / 4)
  })

  test('JOB: a tab killed during the run changes nothing in the result', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    for (const actor of [bob, carol]) await actor.keeps('lines.txt', 2)
    const running = alice.runsJob('lines.txt', SLOWLY)
    const carolId = await carol.id()
    await alice.waits(
      (id) =>
        window.tabmesh?.jobs
          .list()[0]
          ?.getSnapshot()
          .tasks.some((task) =>
            task.attempts.some((attempt) => attempt.peer === id && attempt.state === 'running'),
          ) === true,
      carolId,
      15_000,
    )
    await carol.isKilled()
    expect((await running).result).toEqual(COUNTED)
  })

  test('JOB: a throw fails the job and names peer, record and place in the code', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    const error = await alice.failsJob('lines.txt', {
      map: "(line) => { if (line.startsWith('fox 5')) throw new Error('no foxes') }",
    })
    expect(error['code']).toBe('task-failed')
    expect(error['message']).toContain('no foxes')
    expect(error['record']).toContain('fox 5')
    expect([await alice.id(), await bob.id()]).toContain(error['peer'])
    expect(error['stack']).not.toBe('')
  })

  test('JOB: code that does not parse fails the job at once, with the reason', async ({ alice }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', LINES, SHARDS)
    const error = await alice.failsJob('lines.txt', { map: '(line, ctx) => { ctx.emit( }' })
    expect(error['code']).toBe('code-error')
  })

  test('JOB: an endless loop ends at its time limit and harms nothing else', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    const error = await alice.failsJob('lines.txt', { map: '() => { for (;;); }', taskTimeoutMs: 1_000 })
    expect(error['code']).toBe('task-timeout')
    await bob.says('still alive')
    await alice.hears('still alive')
    expect((await alice.runsJob('lines.txt', COUNT_WORDS)).result).toEqual(COUNTED)
  })

  test('JOB: a value that cannot travel, and a key of another kind, fail the job with a reason', async ({
    alice,
  }) => {
    await alice.opens('/#new')
    await alice.adds('lines.txt', LINES, SHARDS)
    const value = await alice.failsJob('lines.txt', { map: "(line, ctx) => ctx.emit('a', () => 1)" })
    expect(value['code']).toBe('bad-value')
    const key = await alice.failsJob('lines.txt', { map: '(line, ctx) => ctx.emit({}, 1)' })
    expect(key['code']).toBe('bad-key')
  })

  test('JOB: when its submitter goes, a job’s tasks stop within six seconds', async ({
    alice,
    bob,
    carol,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('lines.txt', LINES, SHARDS)
    for (const actor of [bob, carol]) await actor.keeps('lines.txt', 2)
    await carol.tells(() => {
      window.tabmesh?.jobs.mapReduce({
        dataset: 'lines.txt',
        map: '() => { for (;;); }',
        taskTimeoutMs: 60_000,
      })
    })
    await bob.waits(() => (window.tabmesh?.jobs.running().length ?? 0) > 0, undefined, 15_000)
    await carol.isKilled()
    await bob.waits(() => window.tabmesh?.jobs.running().length === 0, undefined, 6_000 + 6_000)
  })

  test('UI7: a person runs an example, sees the result as table and chart, and downloads it', async ({
    alice,
    bob,
    everybody,
  }) => {
    await everybody.meets()
    await alice.adds('people.csv', 'name,city\nAda,London\nGrace,New York\nEdsger,London\n')
    await bob.keeps('people.csv', 2)
    await alice.runsExample('Count by city')
    await expect(alice.page.getByRole('cell', { name: 'London' })).toBeVisible()
    await alice.page.getByRole('tab', { name: text.compute.chart }).click()
    // The bars are rows of a table, each with its words and its number.
    await expect(alice.page.getByRole('row', { name: /London\s*2/ })).toBeVisible()
    expect(await alice.downloads(text.compute.copyName.csv)).toBe('key,value\r\nLondon,2\r\nNew York,1\r\n')
    expect(JSON.parse(await alice.downloads(text.compute.copyName.json))).toEqual([
      ['London', 2],
      ['New York', 1],
    ])
  })
})
