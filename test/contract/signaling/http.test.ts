import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { lanAddresses } from '../../../signaling/addresses.ts'
import type { SignalingOptions } from '../../../signaling/options.ts'
import { createSignalingServer, type SignalingServer } from '../../../signaling/server.ts'
import { openPeer } from './actors.ts'

const CSP = "default-src 'self'; connect-src 'self'"
const servers: SignalingServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function start(options: SignalingOptions = {}): Promise<string> {
  const server = createSignalingServer({ port: 0, webDir: null, log: 'silent', ...options })
  servers.push(server)
  await server.ready
  return `http://127.0.0.1:${server.address.port}`
}

/** A built app: page, a hashed script with a compressed twin, an image, the build's own note. */
function buildApp(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tabmesh-app-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), `<!doctype html><title>Tabmesh</title>${' '.repeat(2_000)}`)
  writeFileSync(join(folder, 'build.json'), JSON.stringify({ buildId: 'b1', csp: CSP }))
  writeFileSync(join(folder, 'assets/index-abc.js'), 'console.log(1)\n'.repeat(200))
  writeFileSync(join(folder, 'assets/index-abc.js.gz'), gzipSync('twin'))
  writeFileSync(join(folder, 'sw.js'), '// worker')
  writeFileSync(join(folder, '..', 'secret.txt'), 'secret')
  return folder
}

/** The path goes out as it is, unlike with fetch. */
function rawStatus(base: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(base, { path }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.once('error', reject).end()
  })
}

/** The certificate is self-signed. */
function secureStatus(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = secureRequest(url, { rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.once('error', reject).end()
  })
}

describe('the server over HTTP', () => {
  test('SIG5 the root without a page, the id and CORS are as with the stock server', async () => {
    const base = await start({ trustedOrigins: ['https://friend.example'] })
    expect(await (await fetch(base)).json()).toMatchObject({
      name: 'PeerJS Server',
      website: 'https://peerjs.com/',
    })
    const headers = { origin: 'https://friend.example' }
    const answer = await fetch(`${base}/room/id?ts=1&version=1.5.5`, { headers })
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://friend.example')
    expect(await answer.text()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect((await fetch(`${base}/room/id`, { method: 'OPTIONS', headers })).status).toBe(204)
  })

  test('SIG15 a key lists at most 32 of its members', async () => {
    const base = await start()
    const port = Number(new URL(base).port)
    for (let index = 0; index < 40; index++) await openPeer(port, `peer${index}`, 'room')
    const listed: string[] = await (await fetch(`${base}/room/peers`)).json()
    expect(new Set(listed).size).toBe(32)
    expect(await (await fetch(`${base}/elsewhere/peers`)).json()).toEqual([])
    expect((await fetch(`${base}/__proto__/peers`)).status).toBe(400)
    expect((await fetch(`${base}/%zz/peers`)).status).toBe(400)
  })

  test('SIG5 the protocol moves with its path', async () => {
    const base = await start({ path: '/myapp' })
    expect((await fetch(`${base}/myapp/room/id`)).status).toBe(200)
    expect((await fetch(`${base}/room/id`)).status).toBe(404)
    expect((await fetch(`${base}/healthz`)).status).toBe(200)
    for (const path of ['/config', '/myapp/config'])
      expect(await (await fetch(base + path)).json()).toMatchObject({ path: '/myapp/' })
  })

  test('SIG16 the page learns ICE servers and has no LAN address without --lan', async () => {
    const iceServers = [{ urls: 'stun:stun.example' }]
    const base = await start({ iceServers })
    expect(await (await fetch(`${base}/config`)).json()).toEqual({ iceServers, lanUrl: null })
  })

  test('SIG18 metrics count, health and readiness answer, other methods do not', async () => {
    const base = await start()
    await openPeer(Number(new URL(base).port), 'alice', 'room')
    const metrics = await fetch(`${base}/metrics`)
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4')
    const text = await metrics.text()
    for (const line of ['peers 1', 'keys 1', 'connections_total 1'])
      expect(text).toContain(`tabmesh_signaling_${line}\n`)
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    expect((await fetch(`${base}/healthz`, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(`${base}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405)
  })

  test('SIG16 a taken port is said with what to do', async () => {
    const port = Number(new URL(await start()).port)
    const second = createSignalingServer({ port, webDir: null, log: 'silent' })
    await expect(second.ready).rejects.toMatchObject({
      code: 'port-taken',
      message: expect.stringContaining('--port'),
    })
    expect(() => second.address).toThrow(expect.objectContaining({ code: 'not-listening' }))
  })
})

describe('the page', () => {
  test('SIG19 HTML comes with the CSP of the build, extended where asked, and is asked for anew', async () => {
    const base = await start({ webDir: buildApp(), connectSources: ['wss://signal.example'] })
    const page = await fetch(`${base}/`)
    expect(page.headers.get('content-security-policy')).toBe(`${CSP} wss://signal.example`)
    expect(page.headers.get('cache-control')).toBe('no-cache')
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await page.text()).toContain('<title>Tabmesh')
    const etag = page.headers.get('etag') ?? ''
    expect((await fetch(`${base}/`, { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  test('SIG19 hashed files are immutable and come compressed, from their twin where the build made one', async () => {
    const base = await start({ webDir: buildApp() })
    const read = async (encoding: string) =>
      fetch(`${base}/assets/index-abc.js`, { headers: { 'accept-encoding': encoding } })
    const gzip = await read('gzip')
    expect(gzip.headers.get('cache-control')).toContain('immutable')
    expect(gzip.headers.get('content-encoding')).toBe('gzip')
    expect(await gzip.text()).toBe('twin')
    const brotli = await read('gzip, br')
    expect(brotli.headers.get('content-encoding')).toBe('br')
    expect(await brotli.text()).toBe('console.log(1)\n'.repeat(200))
    expect((await read('br;q=0')).headers.get('content-encoding')).toBeNull()
    expect((await fetch(`${base}/sw.js`)).headers.get('cache-control')).toBe('no-cache')
  })

  test('SIG19 an invite whose # a mail filter has escaped leads to the page, with its # again', async () => {
    const base = await start({ webDir: buildApp(), publicUrl: 'https://mesh.example/deep/' })
    const code = 'a4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4d2hwbezm'
    for (const path of ['/%23', '/deep/%23', '/?utm_source=mail%23']) {
      const answer = await fetch(`${base}${path}${code}&fbclid=1`, { redirect: 'manual' })
      expect(answer.status, path).toBe(308)
      expect(answer.headers.get('location')).toBe(`./#${code}`)
    }
    for (const path of [`/%23${code}a`, `/assets/%23${code}`, '/%23'])
      expect((await fetch(base + path, { redirect: 'manual' })).status, path).toBe(404)
  })

  test('SIG19 a folder with a page answers with it, and leads to its name with a slash', async () => {
    const folder = buildApp()
    mkdirSync(join(folder, 'docs/deep'), { recursive: true })
    writeFileSync(join(folder, 'docs/deep/index.html'), '<title>Deep</title>')
    const base = await start({ webDir: folder })
    expect(await (await fetch(`${base}/docs/deep/`)).text()).toContain('Deep')
    const answer = await fetch(`${base}/docs/deep`, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([308, './deep/'])
    expect((await fetch(`${base}/docs/`)).status).toBe(404)
  })

  test('SIG19 nothing but the files of the app is served', async () => {
    const base = await start({ webDir: buildApp() })
    for (const path of [
      '/build.json',
      '/assets/index-abc.js.gz',
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets',
      '/nothing.js',
      '//etc/passwd',
    ]) {
      expect(await rawStatus(base, path), path).toBe(404)
    }
  })

  test('SIG19 a rebuilt app is noticed, and one that is built later too', async () => {
    const folder = buildApp()
    const base = await start({ webDir: folder })
    writeFileSync(join(folder, 'index.html'), '<title>Second</title>')
    utimesSync(join(folder, 'index.html'), new Date(), new Date(Date.now() + 5_000))
    expect(await (await fetch(`${base}/`)).text()).toContain('Second')
  })

  test('SIG19 while a build empties and fills the folder, and after a failed one, the page is served as it was', async () => {
    const folder = buildApp()
    const base = await start({ webDir: folder })
    const looksUp = async (title: string) => {
      const page = await fetch(`${base}/`)
      expect(await page.text()).toContain(`<title>${title}`)
      expect(page.headers.get('content-security-policy')).toBe(CSP)
      for (const encoding of ['gzip', 'br', 'identity']) {
        const script = await fetch(`${base}/assets/index-abc.js`, {
          headers: { 'accept-encoding': encoding },
        })
        expect(script.status, encoding).toBe(200)
      }
      expect((await fetch(`${base}/sw.js`)).status).toBe(200)
    }
    // In the order of Vite and our own end of a build; nothing of it was asked for before.
    for (const name of ['assets', 'build.json', 'sw.js', 'index.html']) {
      rmSync(join(folder, name), { recursive: true })
      await looksUp('Tabmesh')
    }
    writeFileSync(join(folder, 'index.html'), '<title>Second</title>')
    await looksUp('Tabmesh')
    mkdirSync(join(folder, 'assets'))
    writeFileSync(join(folder, 'assets/index-def.js'), 'console.log(2)')
    writeFileSync(join(folder, 'sw.js'), '// worker 2')
    await looksUp('Tabmesh')
    writeFileSync(join(folder, 'build.json'), JSON.stringify({ buildId: 'b2', csp: CSP }))
    // A page of the build before is still open: its hashed files stay.
    await looksUp('Second')
    expect((await fetch(`${base}/assets/index-def.js`)).status).toBe(200)
    rmSync(folder, { recursive: true })
    await looksUp('Second')
  })

  test('SIG17 with lan the page is told of an https address that works', async () => {
    const server = createSignalingServer({
      host: '127.0.0.1',
      port: 0,
      lan: true,
      webDir: buildApp(),
      log: 'silent',
    })
    servers.push(server)
    await server.ready
    const config = await (await fetch(`http://127.0.0.1:${server.address.port}/config`)).json()
    expect(config.lanUrl).toBe(server.address.lanUrl)
    // A machine without a network has no address to tell.
    if (lanAddresses().length === 0) expect(config.lanUrl).toBeNull()
    else expect(await secureStatus(`${config.lanUrl}/healthz`)).toBe(200)
  })
})
