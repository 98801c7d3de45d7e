import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { type Browser, expect, type Page, test } from '@playwright/test'
import { createSignalingServer, type SignalingServer } from '../../signaling/server.ts'

/** What the page below keeps of a stock client. */
interface StockState {
  readonly opened: string[]
  readonly errors: string[]
  readonly heard: unknown[]
  readonly isDisconnected: boolean
}

declare global {
  interface Window {
    openStock(port: number, id: string): void
    connectStock(id: string): void
    sayStock(value: unknown): void
    reconnectStock(): void
    stockState(): StockState
  }
}

const PEERJS = readFileSync(createRequire(import.meta.url).resolve('peerjs/dist/peerjs.min.js'), 'utf8')
/** The README's use of PeerJS, with what happened kept in a list. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script>${PEERJS}</script><script>
  let peer, connection
  const opened = [], errors = [], heard = []
  const keep = (made) => { connection = made; made.on('data', (value) => heard.push(value)); made.on('open', () => opened.push(made.peer)) }
  window.openStock = (port, id) => {
    peer = new Peer(id, { host: '127.0.0.1', port, path: '/', key: 'stock', config: { iceServers: [] } })
    peer.on('open', (own) => opened.push(own))
    peer.on('error', (error) => errors.push(error.type))
    peer.on('connection', keep)
  }
  window.connectStock = (id) => keep(peer.connect(id, { reliable: true }))
  window.sayStock = (value) => connection.send(value)
  window.reconnectStock = () => peer.reconnect()
  window.stockState = () => ({ opened, errors, heard, isDisconnected: peer.disconnected })
</script>`

let site: Server
let origin: string
let signaling: SignalingServer

async function startSignaling(port: number): Promise<SignalingServer> {
  const server = createSignalingServer({ port, webDir: null, log: 'silent', trustedOrigins: [origin] })
  await server.ready
  return server
}

test.beforeEach(async () => {
  site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(PAGE))
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  signaling = await startSignaling(0)
})

test.afterEach(async () => {
  await signaling.close('the test is over')
  site.closeAllConnections()
  await new Promise((resolve) => site.close(resolve))
})

async function openStock(browser: Browser, id: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(origin)
  await page.evaluate(([port, own]) => window.openStock(port, own), [signaling.address.port, id] as const)
  return page
}

function stateOf(page: Page): Promise<StockState> {
  return page.evaluate(() => window.stockState())
}

/** How often the page's peer (for its own id) or a connection to `id` has opened. */
async function countOpened(page: Page, id: string): Promise<number> {
  return (await stateOf(page)).opened.filter((opened) => opened === id).length
}

async function openLinkedPair(browser: Browser): Promise<{ alice: Page; bob: Page }> {
  const [alice, bob] = [await openStock(browser, 'alice'), await openStock(browser, 'bob')]
  for (const page of [alice, bob]) await expect.poll(async () => (await stateOf(page)).opened.length).toBe(1)
  await alice.evaluate(() => window.connectStock('bob'))
  await expect.poll(async () => (await stateOf(alice)).opened).toEqual(['alice', 'bob'])
  return { alice, bob }
}

test('SIG5 two stock pages exchange data, and one is told of an absent peer', async ({ browser }) => {
  const { alice, bob } = await openLinkedPair(browser)
  await alice.evaluate(() => window.sayStock({ text: 'hello', list: [1, 2] }))
  await expect.poll(async () => (await stateOf(bob)).heard).toEqual([{ text: 'hello', list: [1, 2] }])
  await alice.evaluate(() => window.connectStock('nobody'))
  await expect
    .poll(async () => (await stateOf(alice)).errors, { timeout: 15_000 })
    .toEqual(['peer-unavailable'])
})

test('SIG14 stock pages keep their link while the server restarts, and reconnect to it', async ({
  browser,
}) => {
  const { alice, bob } = await openLinkedPair(browser)
  const { port } = signaling.address
  await signaling.close('restart')
  for (const page of [alice, bob])
    await expect.poll(async () => (await stateOf(page)).isDisconnected).toBe(true)
  await alice.evaluate(() => window.sayStock('without a server'))
  await expect.poll(async () => (await stateOf(bob)).heard).toEqual(['without a server'])
  signaling = await startSignaling(port)
  for (const page of [alice, bob]) await page.evaluate(() => window.reconnectStock())
  await expect.poll(() => countOpened(alice, 'alice')).toBe(2)
  await expect.poll(() => countOpened(bob, 'bob')).toBe(2)
  await bob.evaluate(() => window.connectStock('alice'))
  // The first was alice's own connection, before the restart.
  await expect.poll(() => countOpened(bob, 'alice')).toBe(2)
  await bob.evaluate(() => window.sayStock('with a new one'))
  await expect.poll(async () => (await stateOf(alice)).heard).toEqual(['with a new one'])
})

test('SIG3 a stock page is told that its id is taken', async ({ browser }) => {
  const first = await openStock(browser, 'alice')
  await expect.poll(async () => (await stateOf(first)).opened).toEqual(['alice'])
  const second = await openStock(browser, 'alice')
  await expect.poll(async () => (await stateOf(second)).errors).toEqual(['unavailable-id'])
  expect((await stateOf(first)).errors).toEqual([])
})
