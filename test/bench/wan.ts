import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { selfSignedCertificate } from '../../signaling/certificate.ts'
import { openWan, type Wan, wanProblem } from '../support/wan.ts'
import type { Bench, FigureSpec } from './bench.ts'
import type { BenchContext } from './harness.ts'

const BYTES = 32_000_000
const RAW_MESSAGE_BYTES = 64_000
const PORT = 9443
const READY_MS = 30_000
const RAW_PAIR = readFileSync(new URL('./raw-pair.page.js', import.meta.url), 'utf8')

interface Way {
  readonly name: string
  /** One way. */
  readonly delayMs: number
  readonly lossPercent: number
  readonly atLeast: number
}

const WAYS: readonly Way[] = [
  { name: '20 ms round trip, 1 % loss', delayMs: 10, lossPercent: 1, atLeast: 4 },
  { name: '100 ms round trip, no loss', delayMs: 50, lossPercent: 0, atLeast: 2.2 },
]

const specOf = ({ name, atLeast }: Way): FigureSpec => ({
  bench: 'link.wan',
  against: `one raw RTCDataChannel, ${name}`,
  unit: 'MB/s',
  bar: { atLeast },
})

/** 32 MB from tab to tab, acknowledged on the receiver's disk, over a wide-area link. */
const wan: Bench = {
  name: 'link.wan',
  figures: WAYS.map(specOf),
  async run(context) {
    const problem = wanProblem()
    if (problem) {
      context.say(`  not measured: ${problem}`)
      return
    }
    for (const way of WAYS) await measure(context, way)
  },
}

export const benches: readonly Bench[] = [wan]

async function measure(context: BenchContext, way: Way): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tabmesh-bench-'))
  const link = await openWan(way.delayMs, way.lossPercent)
  try {
    const url = await serve(link, folder)
    const tabs: [Page, Page] = [await openTab(link, 0, `${url}/#new`), await openTab(link, 1)]
    await tabs[1].goto((await tabs[0].evaluate(() => window.tabmesh?.invite)) ?? '')
    for (const tab of tabs)
      await tab.waitForFunction(() => window.tabmesh?.peers().length === 1, undefined, { timeout: READY_MS })
    await connectRaw(...tabs)
    const rounds = await context.inTurn({ ours: () => send(...tabs), theirs: () => sendRaw(tabs[0]) })
    context.report(specOf(way), rounds)
  } finally {
    await link.close()
    rmSync(folder, { recursive: true })
  }
}

/** The server stands in the first place. */
async function serve(link: Wan, folder: string): Promise<string> {
  const [address] = link.addresses
  const { cert, key } = await selfSignedCertificate([address], [folder])
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  const server = link.run(0, process.execPath, [
    ...['dist/signaling/main.js', '--host', address, '--port', String(PORT), '--log', 'info'],
    ...['--cert', files.cert, '--key', files.key],
  ])
  await new Promise<void>((resolve, reject) => {
    server.stderr?.once('data', () => resolve())
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  return `https://${address}:${PORT}`
}

async function openTab(link: Wan, place: 0 | 1, url?: string): Promise<Page> {
  const browser = await link.browse(place)
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  if (url === undefined) return page
  await page.goto(url)
  await page.waitForFunction(() => window.tabmesh !== undefined, undefined, { timeout: READY_MS })
  return page
}

async function connectRaw(sender: Page, receiver: Page): Promise<void> {
  for (const page of [sender, receiver]) await page.evaluate(RAW_PAIR)
  const offer = await sender.evaluate<string>('rawPair.offer()')
  const answer = await receiver.evaluate<string>(`rawPair.answer(${JSON.stringify(offer)})`)
  await sender.evaluate(`rawPair.accept(${JSON.stringify(answer)})`)
}

async function sendRaw(sender: Page): Promise<number> {
  return (await sender.evaluate<number>(`rawPair.bulk(${BYTES}, ${RAW_MESSAGE_BYTES})`)) / 1e6
}

/** Megabytes (10^6) a second, from the acceptance to the last comparison. */
async function send(sender: Page, receiver: Page): Promise<number> {
  const sent = sender.evaluate(async (bytes) => {
    const to = window.tabmesh?.peers()[0]?.peerId
    if (!to) throw new Error('nobody is here')
    const file = new File([new Uint8Array(bytes)], `wan-${performance.now()}`)
    await window.tabmesh?.files.send(to, file).done
  }, BYTES)
  await receiver.waitForFunction(() => window.tabmesh?.files.list().at(-1)?.getSnapshot().state === 'offered')
  const elapsedMs = await receiver.evaluate(async () => {
    const offered = window.tabmesh?.files.list().at(-1)
    const startedMs = performance.now()
    offered?.accept()
    await offered?.done
    const elapsed = performance.now() - startedMs
    await offered?.remove()
    return elapsed
  })
  await sent
  return BYTES / 1e6 / (elapsedMs / 1000)
}
