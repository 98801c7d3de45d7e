import type { Page } from 'playwright-core'
import { type Bench, type FigureSpec, percentile } from './bench.ts'
import { flightsCsv } from './flights.ts'
import type { BenchPage } from './harness.ts'
import { offerFile } from './ingest.ts'

const SHARD_BYTES = 4096
const EMPTY_JOBS = 11
/** Between jobs, as when a person looks at a result: the tabs make the sandbox of the next job meanwhile. */
const PAUSE_MS = 300
const SCALE_SHARDS = 16
/** About a quarter of a second of integer arithmetic on one core, so that a job takes seconds. */
const SPIN = `(line, ctx) => {
  let state = 1
  for (let step = 0; step < 200000000; step++) state = (Math.imul(state, 1664525) + 1013904223) | 0
  ctx.emit(state, 1)
}`
const MAP_FLIGHTS = `(flight, ctx) => { ctx.emit(flight.origin, [1, Number(flight.delay)]) }`
const FOLD_FLIGHTS = `(origin, pairs) => {
  let count = 0
  let delay = 0
  for (const pair of pairs) { count += pair[0]; delay += pair[1] }
  return [count, delay]
}`

const EMPTY: FigureSpec = {
  bench: 'job.empty',
  against: '150 ms, 300 ms between jobs',
  unit: 'ms p50',
  bar: { atMost: 1 },
}
const EMPTY_ROW: FigureSpec = { ...EMPTY, against: '150 ms, jobs in a row' }
const SCALE: FigureSpec = { bench: 'job.scale', against: 'one tab', unit: 'jobs/s', bar: { atLeast: 1.6 } }
const OVERHEAD: FigureSpec = {
  bench: 'job.overhead',
  against: 'bare Worker',
  unit: 's',
  bar: { atMost: 1.25 },
}

/**
 * From `mapReduce` to its result, over 16 shards of one record each on three tabs. Without pauses a job also waits for
 * what the one before left to do: each of three browsers on two cores makes a new sandbox for each job.
 */
const empty: Bench = {
  name: 'job.empty',
  figures: [EMPTY, EMPTY_ROW],
  async run(context) {
    const [first] = (await context.openTabs(3)) as [Page, ...Page[]]
    await addLines(first, 16)
    const map = `(line, ctx) => ctx.emit('lines', 1)`
    const p50 = async (pauseMs: number) =>
      percentile(await first.evaluate(runJobs, { count: EMPTY_JOBS, map, pauseMs }), 0.5)
    const rounds = await context.inTurn({ paused: () => p50(PAUSE_MS), inARow: () => p50(0) })
    const theirs = rounds.paused.map(() => 150)
    context.report(EMPTY, { ours: rounds.paused, theirs })
    context.report(EMPTY_ROW, { ours: rounds.inARow, theirs })
  },
}

/** A map that only computes, one worker a tab: two tabs against one. */
const scale: Bench = {
  name: 'job.scale',
  figures: [SCALE],
  async run(context) {
    const [first, second] = (await context.openTabs(2)) as [Page, Page]
    for (const tab of [first, second]) await tab.evaluate(() => window.tabmesh?.updateProfile({ slots: 1 }))
    await addLines(first, SCALE_SHARDS)
    const rate = async (isShared: boolean) => {
      await second.evaluate((takesWork) => window.tabmesh?.configure({ takesWork }), isShared)
      await first.waitForFunction((slots) => window.tabmesh?.peers()[0]?.slots === slots, isShared ? 1 : 0)
      const [ms] = (await first.evaluate(runJobs, { count: 1, map: SPIN, pauseMs: 0 })) as [number]
      return 1000 / ms
    }
    context.report(SCALE, await context.inTurn({ ours: () => rate(true), theirs: () => rate(false) }))
  },
}

/**
 * The whole way of a job on one tab with one worker, against the same map function and parser in a bare Worker that is
 * up and handed all bytes at once; both from the page's call to its answer.
 */
const overhead: Bench = {
  name: 'job.overhead',
  figures: [OVERHEAD],
  async run(context) {
    const csv = await flightsCsv()
    const [bare] = (await context.openPages('overhead.page.ts', 1)) as [BenchPage]
    await offerFile(bare.page, csv)
    await bare.call('load')
    const [tab] = (await context.openTabs(1)) as [Page]
    await offerFile(tab, csv)
    await addOffered(tab)
    const ours = () => tab.evaluate(sumFlights, { map: MAP_FLIGHTS, fold: FOLD_FLIGHTS })
    context.report(OVERHEAD, await context.inTurn({ ours, theirs: () => bare.call<number>('run') }))
  },
}

export const benches: readonly Bench[] = [empty, scale, overhead]

async function addOffered(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const file = document.querySelector<HTMLInputElement>('#bench-file')?.files?.[0]
    const node = window.tabmesh
    if (!node || !file) throw new Error('the page lost its node')
    node.updateProfile({ slots: 1 })
    await node.datasets.add('flights', file, { format: 'csv' })
  })
}

/** Seconds from `mapReduce` to its result. Runs in the page. */
async function sumFlights({ map, fold }: { map: string; fold: string }): Promise<number> {
  const startedMs = performance.now()
  const job = window.tabmesh?.jobs.mapReduce({ dataset: 'flights', map, combine: fold, reduce: fold })
  const result = await job?.result()
  if (!result || result.length < 100) throw new Error('the job lost airports')
  return (performance.now() - startedMs) / 1000
}

/** One line a shard: each is as long as the smallest shard, and no two are alike, or they would be one shard. */
async function addLines(page: Page, count: number): Promise<void> {
  await page.evaluate(
    async ([lines, bytes]) => {
      const text = Array.from({ length: lines }, (_, n) => `${String(n).padEnd(bytes - 1, 'x')}\n`)
      const dataset = await window.tabmesh?.datasets.add('lines', new Blob(text), {
        format: 'text',
        shardBytes: bytes,
      })
      if (dataset?.shards().length !== lines)
        throw new Error(`${dataset?.shards().length} shards, not ${lines}`)
    },
    [count, SHARD_BYTES] as const,
  )
}

/** Milliseconds of each of `count` jobs, one after another. Runs in the page. */
async function runJobs(given: { count: number; map: string; pauseMs: number }): Promise<number[]> {
  const times: number[] = []
  for (let run = 0; run < given.count; run++) {
    const startedMs = performance.now()
    const job = window.tabmesh?.jobs.mapReduce({
      dataset: 'lines',
      map: given.map,
      reduce: '(key, values) => values.length',
    })
    await job?.result()
    times.push(performance.now() - startedMs)
    if (given.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, given.pauseMs))
  }
  return times
}
