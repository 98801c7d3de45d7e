import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { SignalingOptions } from '../../../signaling/options.ts'
import { startOurs, WirePeer } from './actors.ts'

/** As browsers reach it. */
const PUBLIC = 'https://mesh.example.org:8443'

interface ProxyOptions {
  /** Nginx names its upstream by default, Caddy passes on what the browser said. */
  readonly host: 'upstream' | 'passed' | 'without-port'
  /** Nginx does so only when told to. */
  readonly upgrades: boolean
  /** Taken off before passing on. */
  readonly strips?: string
}

const NGINX: ProxyOptions = { host: 'upstream', upgrades: false }
const CADDY: ProxyOptions = { host: 'passed', upgrades: true }

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A reverse proxy with the defaults of nginx or Caddy in what matters here. */
async function startProxy(target: number, options: ProxyOptions): Promise<number> {
  const pass = (incoming: IncomingMessage) => {
    const asked = incoming.headers.host ?? ''
    const host = {
      upstream: `127.0.0.1:${target}`,
      passed: asked,
      'without-port': asked.replace(/:\d+$/, ''),
    }
    const headers: NodeJS.Dict<string | string[]> = { ...incoming.headers, host: host[options.host] }
    if (!options.upgrades) {
      delete headers['upgrade']
      headers['connection'] = 'close'
    }
    const url = incoming.url ?? '/'
    const path =
      options.strips !== undefined && url.startsWith(options.strips) ? url.slice(options.strips.length) : url
    return request({ port: target, host: '127.0.0.1', method: incoming.method, path, headers })
  }
  const proxy: Server = createServer((incoming, outgoing) => {
    pass(incoming)
      .once('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      .end()
  })
  if (options.upgrades) {
    proxy.on('upgrade', (incoming, near, head) => {
      pass(incoming)
        .once('upgrade', (answer, far, rest) => {
          near.write(`HTTP/1.1 101 Switching Protocols\r\n${headersOf(answer)}\r\n`)
          near.write(rest)
          far.write(head)
          far.pipe(near).pipe(far)
          for (const socket of [near, far]) socket.on('error', () => socket.destroy())
        })
        .once('response', (answer) => near.end(`HTTP/1.1 ${answer.statusCode} Refused\r\n\r\n`))
        .end()
    })
  }
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  ends.push(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return (proxy.address() as AddressInfo).port
}

function headersOf(answer: IncomingMessage): string {
  return Object.entries(answer.headers)
    .map(([name, value]) => `${name}: ${String(value)}\r\n`)
    .join('')
}

async function behind(proxy: ProxyOptions, options: SignalingOptions) {
  const webDir = mkdtempSync(join(tmpdir(), 'tabmesh-proxied-'))
  writeFileSync(join(webDir, 'index.html'), '<title>Tabmesh</title>')
  writeFileSync(join(webDir, 'build.json'), '{}')
  const subject = await startOurs({ webDir, ...options })
  ends.push(() => subject.stop())
  const port = await startProxy(subject.port, proxy)
  /** What a page of the public address asks for. */
  const get = (path: string, from: NodeJS.Dict<string> = { origin: PUBLIC }) =>
    new Promise<{ status: number; text: string; location: string | undefined }>((resolve, reject) => {
      const headers = { host: new URL(PUBLIC).host, ...from }
      request({ port, host: '127.0.0.1', path, headers }, async (answer) => {
        let text = ''
        for await (const chunk of answer) text += String(chunk)
        resolve({ status: answer.statusCode ?? 0, text, location: answer.headers.location })
      })
        .once('error', reject)
        .end()
    })
  const opens = async (path: string) => {
    const peer = new WirePeer(
      port,
      '',
      { headers: { host: new URL(PUBLIC).host, origin: PUBLIC } },
      'ws',
      path,
    )
    const heard = await Promise.race([
      peer.hears(1).catch(() => undefined),
      peer.closed.then(() => undefined),
    ])
    return JSON.stringify(heard) === '{"type":"OPEN"}'
  }
  return { get, opens }
}

const JOIN = 'peerjs?key=room&id=a&token=t'

describe('behind a proxy', () => {
  test.each<[string, ProxyOptions]>([
    ['Caddy', CADDY],
    ['nginx with upgrades', { ...NGINX, upgrades: true }],
    ['nginx that passes $host, without the port', { host: 'without-port', upgrades: true }],
  ])('SIG24 %s: with --public-url page, configuration, lists and sockets work', async (_, proxy) => {
    const { get, opens } = await behind(proxy, { publicUrl: PUBLIC })
    expect((await get('/')).text).toContain('Tabmesh')
    for (const path of ['/config', '/room/peers']) expect((await get(path)).status, path).toBe(200)
    expect(await opens(`/${JOIN}`)).toBe(true)
  })

  test.each<[string, ProxyOptions]>([
    ['kept', CADDY],
    ['taken off', { ...CADDY, strips: '/mesh' }],
  ])('SIG24 a path in front is %s by the proxy: both work, with --path too', async (_, proxy) => {
    const { get, opens } = await behind(proxy, { publicUrl: `${PUBLIC}/mesh`, path: '/deep' })
    expect((await get('/mesh/')).text).toContain('Tabmesh')
    expect(JSON.parse((await get('/mesh/config')).text)).toMatchObject({ path: '/deep/' })
    expect((await get('/mesh/deep/room/peers')).status).toBe(200)
    expect(await opens(`/mesh/deep/${JOIN}`)).toBe(true)
  })

  test('SIG24 a path in front without its slash leads to the page', async () => {
    const { get } = await behind(CADDY, { publicUrl: `${PUBLIC}/mesh` })
    expect(await get('/mesh')).toMatchObject({ status: 308, location: '/mesh/' })
    expect((await get('/meshes/config')).status).toBe(404)
  })

  test.each<[string, ProxyOptions, RegExp]>([
    [
      'nginx as it comes',
      { ...NGINX, upgrades: true },
      /--public-url https:\/\/mesh\.example\.org:8443.*Host/,
    ],
    ['Caddy as it comes', CADDY, /--public-url https:\/\/mesh\.example\.org:8443/],
    [
      'a Host without its port',
      { host: 'without-port', upgrades: true },
      /--public-url https:\/\/mesh\.example\.org/,
    ],
  ])('SIG24 %s, without flags: the page comes, what is missing is said', async (_, proxy, words) => {
    const { get, opens } = await behind(proxy, {})
    expect((await get('/')).text).toContain('Tabmesh')
    for (const path of ['/config', '/room/peers']) {
      const { status, text } = await get(path)
      expect([403, 421]).toContain(status)
      expect(text).toMatch(words)
    }
    // A page of one origin with its server does not name it in a plain request: it asks in so many words.
    const why = await get(`/peerjs?page=${encodeURIComponent(PUBLIC)}`, {})
    expect([403, 421]).toContain(why.status)
    expect(why.text).toMatch(words)
    expect(await opens(`/${JOIN}`)).toBe(false)
  })

  test('SIG24 a proxy that does not pass upgrades on is named', async () => {
    const { get } = await behind(NGINX, { publicUrl: PUBLIC })
    const answer = await get(`/${JOIN}`)
    expect(answer.status).toBe(426)
    expect(answer.text).toMatch(/proxy.*Upgrade and Connection/)
  })
})
