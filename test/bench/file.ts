import { randomFillSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openRawBaseline } from './baseline.ts'
import type { Bench, FigureSpec } from './bench.ts'
import { offerFile } from './ingest.ts'

const MIB = 1024 * 1024
const FILE_BYTES = 256 * MIB
const ROUNDS = 5
const SAMPLE_MS = 200
const PAGE_BYTES = 4096

const RATE: FigureSpec = {
  bench: 'file.send',
  against: 'raw RTCDataChannel',
  unit: 'MB/s',
  bar: { atLeast: 0.7 },
}
const MEMORY: FigureSpec = {
  bench: 'file.send',
  against: '128 MiB that a renderer may grow',
  unit: 'MiB',
  bar: { atMost: 1 },
}

/** A file of 256 MiB from one tab to another, until the receiver has all of it on disk, compared. */
const send: Bench = {
  name: 'file.send',
  figures: [RATE, MEMORY],
  async run(context) {
    const folder = mkdtempSync(join(tmpdir(), 'tabmesh-bench-'))
    try {
      const raw = await openRawBaseline(context)
      const tabs = (await context.openTabs(2)) as [Page, Page]
      await offerFile(tabs[0], await randomFile(join(folder, 'random.bin')))
      const grown: number[] = []
      const rounds = await context.inTurn(
        {
          ours: async () => {
            const { rate, grownBytes } = await sendOnce(...tabs)
            grown.push(grownBytes / MIB)
            return rate
          },
          theirs: () => raw.bulk(64 * MIB),
        },
        ROUNDS,
      )
      context.report(RATE, rounds)
      const ours = grown.slice(-ROUNDS)
      context.report(MEMORY, { ours, theirs: ours.map(() => 128) })
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

export const benches: readonly Bench[] = [send]

async function randomFile(path: string): Promise<string> {
  const file = await open(path, 'w')
  const bytes = new Uint8Array(MIB)
  for (let written = 0; written < FILE_BYTES; written += MIB) await file.write(randomFillSync(bytes))
  await file.close()
  return path
}

/** Megabytes (10^6) a second, and by how much the renderer that grew most has grown meanwhile. */
async function sendOnce(sender: Page, receiver: Page): Promise<{ rate: number; grownBytes: number }> {
  const watch = await watchMemory([sender, receiver])
  const received = takeOffer(receiver)
  const elapsedMs = await sender.evaluate(async () => {
    const file = document.querySelector<HTMLInputElement>('#bench-file')?.files?.[0]
    const to = window.tabmesh?.peers()[0]?.peerId
    if (!window.tabmesh || !file || !to) throw new Error('the page lost its node')
    const startedMs = performance.now()
    await window.tabmesh.files.send(to, file).done
    return performance.now() - startedMs
  })
  await received
  return { rate: FILE_BYTES / 1e6 / (elapsedMs / 1000), grownBytes: watch.end() }
}

async function takeOffer(receiver: Page): Promise<void> {
  await receiver.waitForFunction(() => window.tabmesh?.files.list().at(-1)?.getSnapshot().state === 'offered')
  await receiver.evaluate(async () => {
    const offered = window.tabmesh?.files.list().at(-1)
    offered?.accept()
    await offered?.done
    await offered?.remove()
  })
}

/** The largest growth of any renderer of these pages' browsers, in resident bytes. */
async function watchMemory(pages: readonly Page[]): Promise<{ end(): number }> {
  const pids = (await Promise.all(pages.map(rendererPids))).flat()
  const before = new Map(pids.map((pid) => [pid, residentBytes(pid)]))
  let grown = 0
  const sample = () => {
    for (const [pid, bytes] of before) grown = Math.max(grown, residentBytes(pid) - bytes)
  }
  const timer = setInterval(sample, SAMPLE_MS)
  return {
    end: () => {
      clearInterval(timer)
      sample()
      return grown
    },
  }
}

async function rendererPids(page: Page): Promise<number[]> {
  const browser = page.context().browser()
  if (!browser) return []
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
}

/** 0 for a process that has ended. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
