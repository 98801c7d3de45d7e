import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, expect, type Page, test } from '@playwright/test'
import { selfSignedCertificate } from '../../signaling/certificate.ts'
import { createSignalingServer, type SignalingServer } from '../../signaling/server.ts'
import { text } from '../../web/ui/text.ts'
import { becomes, Command, running } from '../contract/command.ts'
import { findBrowser, launchOptions } from '../support/browsers.ts'

// In Chromium only: Firefox has no flag that gives this machine a name to which it is not `localhost`.

const HOST = 'plain.test'
const LINK_MS = 15_000
const DEMO_MS = 90_000

/** With `lan` its `/config` names the https address, as `--lan` does on a machine that has one. */
async function opens(browser: Browser, address: string, lan?: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  if (lan !== undefined) {
    await page.route('http://*/config', (route) => route.fulfill({ json: { iceServers: [], lanUrl: lan } }))
  }
  await page.goto(address)
  return page
}

async function seesWhy(page: Page, link: string): Promise<void> {
  const [title, body] = text.failed['insecure'] ?? ['', '']
  await expect(page.getByRole('heading', { name: title })).toBeVisible()
  await expect(page.getByText(body)).toBeVisible()
  await expect(page.getByRole('link', { name: text.openHttps })).toHaveAttribute('href', link)
}

async function hasPeers(page: Page, count: number): Promise<void> {
  await page.waitForFunction((wanted) => window.tabmesh?.peers().length === wanted, count, {
    timeout: LINK_MS,
  })
}

test.describe('over plain http from another machine', () => {
  let browser: Browser
  let plain: SignalingServer
  let secure: SignalingServer
  let http: string
  let https: string

  test.beforeAll(async () => {
    const setup = findBrowser('chromium')
    const args = [...setup.args, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`]
    browser = await chromium.launch({ ...launchOptions(setup), args })
    const folder = mkdtempSync(join(tmpdir(), 'tabmesh-certificate-'))
    const { cert, key } = await selfSignedCertificate([], [folder])
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    writeFileSync(certFile, cert)
    writeFileSync(keyFile, key)
    plain = createSignalingServer({ port: 0, log: 'silent', allowedHosts: [HOST] })
    secure = createSignalingServer({ port: 0, log: 'silent', allowedHosts: [HOST], certFile, keyFile })
    await Promise.all([plain.ready, secure.ready])
    http = `http://${HOST}:${plain.address.port}`
    https = `https://${HOST}:${secure.address.port}`
  })

  test.afterAll(async () => {
    await browser.close()
    await Promise.all([plain.close(), secure.close()])
  })

  test('UI9: the front page says why it cannot work, and its link leads to one that does', async () => {
    const page = await opens(browser, `${http}/`, https)
    await seesWhy(page, `${https}/`)
    await page.getByRole('link', { name: text.openHttps }).click()
    await expect(page.getByRole('link', { name: text.home.start })).toBeVisible()
    await page.context().close()
  })

  test('UI9: where the server names no https address, the link is to the same host', async () => {
    const page = await opens(browser, `${http}/`)
    await seesWhy(page, `https://${HOST}:${plain.address.port}/`)
    await page.context().close()
  })

  test('UI9: an invite says the same, and its link leads into the room', async () => {
    const host = await opens(browser, `${https}/#new`)
    await hasPeers(host, 0)
    const secret = new URL(await host.evaluate(() => window.tabmesh?.invite ?? '')).hash
    const guest = await opens(browser, `${http}/${secret}`, https)
    await seesWhy(guest, `${https}/${secret}`)
    await guest.getByRole('link', { name: text.openHttps }).click()
    for (const page of [host, guest]) await hasPeers(page, 1)
    for (const page of [host, guest]) await page.context().close()
  })
})

test('SIG20 npm run demo: its invite leads to three peers; Ctrl-C ends it with 0 and leaves nothing', async ({
  page,
}) => {
  test.setTimeout(2 * DEMO_MS)
  const demo = new Command('demo', ['--port', '0'])
  try {
    const [, invite = ''] = await demo.prints(/Join the room:\s+(\S+)/, DEMO_MS)
    expect(demo.said).toContain('Records by state')
    await page.goto(invite)
    await hasPeers(page, 3)
    const names = await page.evaluate(() => window.tabmesh?.peers().map((peer) => peer.name))
    expect(names?.sort()).toEqual(['Ada', 'Edsger', 'Grace'])
    const started = demo.descendants()
    expect(started.length).toBeGreaterThan(0)
    demo.interrupt()
    expect(await demo.ends()).toEqual({ code: 0, signal: null })
    await becomes(() => running(started).length === 0, LINK_MS)
    expect(demo.complained.replace(/^Building the .*\n/gm, '')).toBe('')
  } finally {
    await demo.kill()
  }
})
