import type { Page } from 'playwright-core'
import { openRawBaseline } from './baseline.ts'
import type { Bench, FigureSpec } from './bench.ts'
import { flightsCsv } from './flights.ts'

const MIB = 1024 * 1024
const ROUNDS = 5
const LINK_RATE: FigureSpec = {
  bench: 'ingest',
  against: 'raw RTCDataChannel',
  unit: 'MB/s over links',
  bar: { atLeast: 0.5 },
}

/** An 85 MB CSV into three tabs with two replicas: what crosses links while it is read, cut, hashed, stored and copied. */
const ingest: Bench = {
  name: 'ingest',
  figures: [LINK_RATE],
  async run(context) {
    const raw = await openRawBaseline(context)
    const [first] = (await context.openTabs(3)) as [Page, ...Page[]]
    await offerFile(first, await flightsCsv())
    const rounds = await context.inTurn(
      { ours: () => ingestOnce(first), theirs: () => raw.bulk(64 * MIB) },
      ROUNDS,
    )
    context.report(LINK_RATE, rounds)
  },
}

export const benches: readonly Bench[] = [ingest]

/** Gives the page a file, in the input `#bench-file`. */
export async function offerFile(page: Page, path: string): Promise<void> {
  await page.evaluate(() => {
    document.body.append(
      Object.assign(document.createElement('input'), { type: 'file', id: 'bench-file', hidden: true }),
    )
  })
  await page.setInputFiles('#bench-file', path)
}

/** Megabytes (10^6) a second that left this tab; the time ends when both copies of every shard are stored. */
async function ingestOnce(page: Page): Promise<number> {
  const before = await bytesOut(page)
  const elapsedMs = await page.evaluate(async () => {
    const file = document.querySelector<HTMLInputElement>('#bench-file')?.files?.[0]
    if (!window.tabmesh || !file) throw new Error('the page lost its node')
    const startedMs = performance.now()
    await window.tabmesh.datasets.add('flights', file, { format: 'csv', replicas: 2 })
    return performance.now() - startedMs
  })
  const moved = movedSince(before, await bytesOut(page))
  await page.evaluate(() => window.tabmesh?.datasets.get('flights')?.drop())
  return moved / 1e6 / (elapsedMs / 1000)
}

/** By peer: they must be the same ones before and after. */
function bytesOut(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() =>
    Object.fromEntries(
      (window.tabmesh?.getSnapshot().peers ?? []).map(({ peerId, bytesOut: bytes }) => [peerId, bytes]),
    ),
  )
}

function movedSince(before: Record<string, number>, after: Record<string, number>): number {
  const peers = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...peers].reduce((sum, peer) => {
    const moved = (after[peer] ?? Number.NaN) - (before[peer] ?? Number.NaN)
    // Also where one of them is missing.
    if (!(moved >= 0)) throw new Error(`the bytes to ${peer} went from ${before[peer]} to ${after[peer]}`)
    return sum + moved
  }, 0)
}
