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
  const bytesBefore = await bytesOut(page)
  const elapsedMs = await page.evaluate(async () => {
    const file = document.querySelector<HTMLInputElement>('#bench-file')?.files?.[0]
    if (!window.tabmesh || !file) throw new Error('the page lost its node')
    const startedMs = performance.now()
    await window.tabmesh.datasets.add('flights', file, { format: 'csv', replicas: 2 })
    return performance.now() - startedMs
  })
  const moved = (await bytesOut(page)) - bytesBefore
  await page.evaluate(() => window.tabmesh?.datasets.get('flights')?.drop())
  return moved / 1e6 / (elapsedMs / 1000)
}

function bytesOut(page: Page): Promise<number> {
  return page.evaluate(
    () => window.tabmesh?.getSnapshot().peers.reduce((sum, peer) => sum + peer.bytesOut, 0) ?? 0,
  )
}
