import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { createSignalingServer, type SignalingServer } from '../../signaling/server.ts'
import type { MeshNode } from '../../web/node.ts'
import { launchChromium } from '../support/browsers.ts'
import { type Figure, type FigureSpec, figureOf, type Rounds } from './bench.ts'

/** Measured rounds after one warm-up, unless a bench asks for more. */
export const DEFAULT_ROUNDS = 7
const CALL_TIMEOUT_MS = 180_000

/** What a bench gets: pages to measure in and a place for its figures. */
export interface BenchContext {
  readonly signalingUrl: string
  /**
   * One page each in `count` browser processes of their own, with the page module `entry` (a path beside this file)
   * loaded. The same pages are handed out for the same entry until `closePages`.
   */
  openPages(entry: string, count: number): Promise<BenchPage[]>
  /**
   * The built page in `count` browser processes of their own, all in one new room and linked to each other. Closed by
   * `closePages`.
   */
  openTabs(count: number): Promise<Page[]>
  closePages(): Promise<void>
  /**
   * One value of every side for each round, ours and theirs in turn and first in turn, after a warm-up round that is
   * thrown away. Rejects where a side gives what is no measurement (not finite, or not above 0): the bench then fails.
   */
  inTurn<Side extends string>(
    sides: Record<Side, () => Promise<number>>,
    rounds?: number,
  ): Promise<Record<Side, number[]>>
  report(spec: FigureSpec, rounds: Rounds): void
  /** A line for the person who watches. */
  say(line: string): void
}

/** A page whose module called `serve` (`page.ts`) with functions by name. */
export class BenchPage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** Arguments and result are JSON. Rejects after {@link CALL_TIMEOUT_MS}: a dead renderer never answers. */
  async call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${name} took longer than ${CALL_TIMEOUT_MS} ms`)),
        CALL_TIMEOUT_MS,
      )
    })
    const work = this.page.evaluate(([called, given]) => window.benchCall(called, given), [
      name,
      args,
    ] as const)
    try {
      return (await Promise.race([work, late])) as T
    } finally {
      clearTimeout(timer)
    }
  }
}

declare global {
  interface Window {
    tabmesh?: MeshNode
    benchCall(name: string, args: readonly unknown[]): Promise<unknown>
  }
}

export class Harness implements BenchContext {
  readonly figures: Figure[] = []
  readonly #server: Server
  readonly #bundles = new Map<string, string>()
  readonly #pages = new Map<string, BenchPage>()
  readonly #browsers: Browser[] = []
  #signaling: SignalingServer | undefined
  signalingUrl = ''
  browserVersion = ''
  #url = ''

  constructor() {
    this.#server = createServer((request, response) => {
      const entry = new URL(request.url ?? '/', 'http://localhost').searchParams.get('entry') ?? ''
      const code = this.#bundles.get(entry)
      const isScript = request.url?.startsWith('/script')
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
      // Isolated pages have a clock of 5 µs instead of 100.
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
      response.end(isScript ? code : documentOf(entry))
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    this.#signaling = createSignalingServer({
      host: '127.0.0.1',
      port: 0,
      log: 'silent',
      trustedOrigins: [this.#url],
    })
    await this.#signaling.ready
    this.signalingUrl = this.#signaling.address.url
  }

  async close(): Promise<void> {
    await this.closePages()
    for (const browser of this.#browsers.splice(0)) await browser.close()
    await this.#signaling?.close('the bench has ended')
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async openPages(entry: string, count: number): Promise<BenchPage[]> {
    if (!this.#bundles.has(entry)) this.#bundles.set(entry, await bundle(entry))
    const pages: BenchPage[] = []
    for (let index = 0; index < count; index++) pages.push(await this.#page(entry, index))
    return pages
  }

  async openTabs(count: number): Promise<Page[]> {
    const tabs: Page[] = []
    let url = `${this.signalingUrl}/#new`
    for (let index = 0; index < count; index++) {
      const tab = await this.#blankPage(index)
      await tab.goto(url)
      await tab.waitForFunction(() => window.tabmesh !== undefined)
      url = await tab.evaluate(() => window.tabmesh?.invite ?? '')
      tabs.push(tab)
    }
    for (const tab of tabs) {
      await tab.waitForFunction((others) => window.tabmesh?.peers().length === others, count - 1)
    }
    return tabs
  }

  async closePages(): Promise<void> {
    for (const browser of this.#browsers) {
      for (const browserContext of browser.contexts()) await browserContext.close()
    }
    this.#pages.clear()
  }

  async inTurn<Side extends string>(
    sides: Record<Side, () => Promise<number>>,
    rounds: number = DEFAULT_ROUNDS,
  ): Promise<Record<Side, number[]>> {
    const names = Object.keys(sides) as Side[]
    const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Side, number[]>
    const measure = async (name: Side) => sane(name, await sides[name]())
    for (const name of names) await measure(name)
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? names : names.toReversed()
      for (const name of order) values[name].push(await measure(name))
      this.say(
        `  round ${round + 1}: ${names.map((name) => `${name} ${short(values[name][round] as number)}`).join(', ')}`,
      )
    }
    return values
  }

  report(spec: FigureSpec, rounds: Rounds): void {
    const figure = figureOf(spec, rounds)
    this.figures.push(figure)
    const { bench, ours, theirs, against, unit, ratio, min, max, bar, pass } = figure
    const line = { bench, ours, theirs, against, unit, ratio, min, max, rounds: figure.rounds, bar, pass }
    console.log(
      JSON.stringify(line, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)),
    )
  }

  say(line: string): void {
    console.error(line)
  }

  async #page(entry: string, index: number): Promise<BenchPage> {
    const key = `${entry} ${index}`
    const known = this.#pages.get(key)
    if (known) return known
    const page = await this.#blankPage(index)
    await page.goto(`${this.#url}/?entry=${entry}`)
    await page.waitForFunction(() => window.benchCall !== undefined)
    const made = new BenchPage(page)
    this.#pages.set(key, made)
    return made
  }

  /** In the browser process of that number. */
  async #blankPage(index: number): Promise<Page> {
    const browser = this.#browsers[index] ?? (await launchChromium())
    this.#browsers[index] = browser
    this.browserVersion = browser.version()
    const page = await (await browser.newContext()).newPage()
    page.on('pageerror', (error) => this.say(`  page error: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') this.say(`  page ${index}: ${message.text()}`)
    })
    return page
  }
}

/** One ES module with everything in it. */
async function bundle(entry: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('.', import.meta.url)),
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL(entry, import.meta.url)), formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const outputs = Array.isArray(result) ? result : [result]
  const chunk = outputs
    .flatMap((one) => ('output' in one ? one.output : []))
    .find((one) => one.type === 'chunk')
  if (chunk?.type !== 'chunk') throw new Error(`${entry} gave no script`)
  return chunk.code
}

function documentOf(entry: string): string {
  const script = `<script type="module" src="/script?entry=${encodeURIComponent(entry)}"></script>`
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${script}`
}

function sane(side: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new Error(`${side} measured ${value}, which is no measurement`)
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}
