/**
 * `npm run demo -- [file] [--port n]`: three tabs of a headless browser form a room, hold a file as shards and run a job
 * over it; then the invite is printed and the room stays up until Ctrl-C.
 */
import { existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { createSignalingServer, type SignalingServer } from '../signaling/server.ts'
import type { MeshNode } from '../web/node.ts'
import { findBrowser, launchOptions } from './support/browsers.ts'

declare global {
  interface Window {
    tabmesh?: MeshNode
  }
}

const STEP_MS = 60_000
/** A terminal sends Ctrl-C to npm and to us, and npm passes its own on: within this time both are one. */
const ONE_PRESS_MS = 500
const { values, positionals } = readArguments()
if (values.help) {
  say('Usage: npm run demo -- [file] [--port n] [--host address]')
  process.exit(0)
}
const file = resolve(positionals[0] ?? 'node_modules/vega-datasets/data/zipcodes.csv')
if (!existsSync(file) || !statSync(file).isFile())
  fail(`There is no file ${file}. Give the path of a CSV, NDJSON or text file.`)

const server = await startServer()
const launching = launchBrowser()
let endingMs: number | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)

try {
  await demonstrate(await launching)
} catch (error) {
  if (endingMs === undefined) {
    console.error(`\nThe demo failed: ${problemOf(error)}`)
    await end(1)
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: 'string', default: '9000' },
        host: { type: 'string', default: '127.0.0.1' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(`${problemOf(error).split('. ')[0]}. See --help.`)
  }
}

async function startServer(): Promise<SignalingServer> {
  try {
    const made = createSignalingServer({ host: values.host, port: Number(values.port), log: 'silent' })
    await made.ready
    return made
  } catch (error) {
    return fail(problemOf(error).replace('npm start', 'npm run demo'))
  }
}

/** Signals are ours: Playwright would end this process at once, with its own exit code. */
async function launchBrowser(): Promise<Browser> {
  const handles = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false }
  return chromium.launch({ ...launchOptions(findBrowser('chromium')), ...handles })
}

async function demonstrate(browser: Browser): Promise<void> {
  const tabs = await openTabs(browser, ['Ada', 'Grace', 'Edsger'])
  const [first] = tabs as [Page, ...Page[]]
  const name = basename(file)
  say(`Three tabs are in one room. Adding ${name} (${bytesText(statSync(file).size)}) ...`)
  const added = await addFile(first, name)
  say(`${added.records} records in ${added.shards} shards, ${added.replicas} copies of each.`)
  for (const [peer, count] of added.held) say(`  ${peer.padEnd(8)} holds ${count} shards`)
  const report = await runJob(first, name)
  say(`\n${report.title}`)
  for (const [key, value] of report.top) say(`  ${String(key).padEnd(24)} ${String(value).padStart(10)}`)
  if (report.keys > report.top.length) say(`  ... and ${report.keys - report.top.length} more`)
  say(
    `\n${report.elapsedMs} ms. Map tasks: ${report.tasksLocal} ran where their shard lies, ${report.tasksMoved} elsewhere.`,
  )
  for (const [peer, count] of report.ran) say(`  ${peer.padEnd(8)} ran ${count} tasks`)
  say(
    `${bytesText(report.bytesMoved)} crossed a link; reading the file in one place would have moved ${bytesText(report.remoteBytes)}.`,
  )
  say(`\nJoin the room:\n  ${report.invite}\n\nCtrl-C ends the demo.`)
}

/** Each tab is a browser context of its own, as if it were a device of its own. */
async function openTabs(browser: Browser, names: readonly string[]): Promise<Page[]> {
  const tabs: Page[] = []
  let url = `${server.address.url}/#new`
  for (const name of names) {
    const page = await (await browser.newContext()).newPage()
    await page.goto(url)
    await page.waitForFunction(() => window.tabmesh !== undefined, undefined, { timeout: STEP_MS })
    url = await page.evaluate((own) => {
      window.tabmesh?.rename(own)
      return window.tabmesh?.invite ?? ''
    }, name)
    tabs.push(page)
  }
  const others = names.length - 1
  for (const page of tabs) {
    await page.waitForFunction((count) => window.tabmesh?.peers().length === count, others, {
      timeout: STEP_MS,
    })
  }
  return tabs
}

async function addFile(page: Page, name: string) {
  await page.evaluate(() => {
    const input = Object.assign(document.createElement('input'), {
      type: 'file',
      id: 'demo-file',
      hidden: true,
    })
    document.body.append(input)
  })
  await page.setInputFiles('#demo-file', file)
  return page.evaluate(async (datasetName) => {
    const node = window.tabmesh
    const source = document.querySelector<HTMLInputElement>('#demo-file')?.files?.[0]
    if (!node || !source) throw new Error('the page lost its node')
    const dataset = await node.datasets.add(datasetName, source)
    const names = new Map<string, string>([
      [node.id, node.name],
      ...node.peers().map((peer) => [peer.peerId, peer.name] as const),
    ])
    const held = new Map<string, number>()
    for (const holder of dataset.shards().flatMap((shard) => shard.holders)) {
      const peer = names.get(holder) ?? holder
      held.set(peer, (held.get(peer) ?? 0) + 1)
    }
    const info = dataset.info()
    return { records: info.records, shards: info.shardCount, replicas: info.replicas, held: [...held] }
  }, name)
}

/** Counts by the column that looks most like a category; words for text. */
async function runJob(page: Page, name: string) {
  return page.evaluate(async (datasetName) => {
    const node = window.tabmesh
    const dataset = node?.datasets.get(datasetName)
    if (!node || !dataset) throw new Error('the page lost its node')
    const isText = dataset.info().format.kind === 'text'
    const sample: Record<string, unknown>[] = []
    for await (const record of dataset.records()) {
      sample.push(Object(record))
      if (isText || sample.length === 200) break
    }
    // The column of text whose values repeat, with the most of them: it reads best as a table.
    const kinds = Object.keys(sample[0] ?? {})
      .filter((key) => sample.every((record) => typeof record[key] === 'string'))
      .map((key) => ({ key, count: new Set(sample.map((record) => record[key])).size }))
      .sort((a, b) => b.count - a.count)
    const repeated = kinds.find((kind) => kind.count < sample.length / 2) ?? kinds.at(-1)
    const column = isText ? undefined : datasetName === 'zipcodes.csv' ? 'state' : repeated?.key
    const job = node.jobs.mapReduce({
      dataset,
      params: { column },
      map: isText
        ? '(line, ctx) => { for (const word of line.toLowerCase().match(/\\p{L}+/gu) ?? []) ctx.emit(word, 1) }'
        : '(record, ctx) => ctx.emit(String(record[ctx.params.column]), 1)',
      combine: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
      reduce: '(key, values) => values.reduce((sum, value) => sum + value, 0)',
    })
    const result = await job.result()
    const snapshot = job.getSnapshot()
    const names = new Map<string, string>([
      [node.id, node.name],
      ...node.peers().map((peer) => [peer.peerId, peer.name] as const),
    ])
    const ran = new Map<string, number>()
    for (const attempt of snapshot.tasks.flatMap((task) =>
      task.attempts.filter((one) => one.state === 'committed'),
    )) {
      const peer = names.get(attempt.peer) ?? attempt.peer
      ran.set(peer, (ran.get(peer) ?? 0) + 1)
    }
    const remote = dataset.shards().filter((shard) => !shard.holders.includes(node.id))
    return {
      title: isText ? 'Most frequent words' : `Records by ${column}`,
      top: [...result].sort((a, b) => Number(b[1]) - Number(a[1])).slice(0, 10),
      keys: result.length,
      ran: [...ran],
      ...snapshot.counters,
      elapsedMs: Math.round(snapshot.elapsedMs),
      remoteBytes: remote.reduce((sum, shard) => sum + shard.bytes, 0),
      invite: node.invite,
    }
  }, name)
}

/** The second one, when it is not the first passed on, waits for nothing. */
function onSignal(): void {
  if (endingMs !== undefined && performance.now() - endingMs > ONE_PRESS_MS) process.exit(1)
  void end(0)
}

async function end(code: number): Promise<void> {
  if (endingMs !== undefined) return
  endingMs = performance.now()
  const browser = await launching.catch(() => undefined)
  await browser?.close()
  await server.close('the demo has ended')
  process.exit(code)
}

function say(line: string): void {
  console.log(line)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3))
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`
}
