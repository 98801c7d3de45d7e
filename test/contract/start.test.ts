import { once } from 'node:events'
import { mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderUnicodeCompact } from 'uqr'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { lanAddresses } from '../../signaling/addresses.ts'
import { selfSignedCertificate } from '../../signaling/certificate.ts'
import { becomes, Command, freePort } from './command.ts'
import { openPeer, WirePeer } from './signaling/actors.ts'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const BUILD_MS = 180_000
const AT_ONCE_MS = 3_000
const commands: Command[] = []

function run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const command = new Command(script, args, env)
  commands.push(command)
  return command
}

afterEach(async () => {
  for (const command of commands.splice(0)) await command.kill()
})

/** The address that it prints. */
async function addressOf(command: Command): Promise<URL> {
  const [, url = ''] = await command.prints(/^(?:Tabmesh|Signaling) is at (\S+)/m)
  return new URL(url)
}

/** Whether somebody listens there. */
async function answers(port: number, host: string): Promise<boolean> {
  const socket = connect({ port, host })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(AT_ONCE_MS) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The status over https where `ca` is all that is trusted. */
async function secureStatus(url: string, ca: string): Promise<number | undefined> {
  const asked = get(url, { ca, agent: false, signal: AbortSignal.timeout(AT_ONCE_MS) })
  const [response] = await once(asked, 'response')
  response.resume()
  return response.statusCode
}

function lines(text: string): string[] {
  return text.trim().split('\n')
}

/** On a clean machine the first command builds. */
beforeAll(async () => {
  const command = new Command('start', ['--port', '0'])
  try {
    await command.prints(/Ctrl-C stops it/, BUILD_MS)
  } finally {
    await command.kill()
  }
}, BUILD_MS)

describe('npm start', () => {
  // Three times at most: other tests have the processor too.
  test('SIG21 a built tree is served within 3 s, on this machine only, and not built again', {
    retry: 2,
  }, async () => {
    const port = await freePort()
    const command = run('start', ['--port', String(port)])
    const isHealthy = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      )
    await becomes(isHealthy, AT_ONCE_MS)
    const url = await addressOf(command)
    expect(url.href).toBe(`http://localhost:${port}/`)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('<div id="root">')
    expect(command.complained).not.toMatch(/Building|Installing/)
    for (const host of ['127.0.0.2', ...lanAddresses()]) expect(await answers(port, host), host).toBe(false)
  })

  test('SIG21 what npm run build has built is not built again', async () => {
    const now = new Date()
    for (const output of ['web/index.html', 'signaling/main.js']) utimesSync(join(DIST, output), now, now)
    const command = run('start', ['--port', '0'])
    await command.prints(/Ctrl-C stops it/)
    expect(command.complained).not.toMatch(/Building/)
  })

  test('SIG20 Ctrl-C tells the peers and ends with 0', async () => {
    const command = run('start', ['--port', '0'])
    const peer = await openPeer(Number((await addressOf(command)).port), 'alice')
    command.interrupt()
    expect(await command.ends()).toEqual({ code: 0, signal: null })
    expect(await peer.closed).toMatchObject({ code: 1001, reason: expect.stringContaining('stopped') })
    expect(lines(command.complained).map((line) => JSON.parse(line).event)).toEqual([
      'listening',
      'closing',
      'closed',
    ])
  })

  test('SIG20 a Ctrl-C that npm passes on as well does not cut the drain short', async () => {
    const command = run('start', ['--port', '0'])
    const peer = await openPeer(Number((await addressOf(command)).port), 'alice')
    // Never answers the close, so that closing takes its time.
    peer.socket.pause()
    command.interrupt()
    await command.complains(/"event":"closing"/)
    command.interrupt()
    expect(await command.ends()).toEqual({ code: 0, signal: null })
    peer.socket.terminate()
  })
})

describe('a command that does not start', () => {
  for (const script of ['start', 'dev', 'demo']) {
    test(`SIG20 ${script}: a flag that does not exist is said in one line`, async () => {
      const command = run(script, ['--bogus'])
      expect(await command.ends(30_000)).toEqual({ code: 1, signal: null })
      expect(lines(command.complained)).toEqual([expect.stringMatching(/'--bogus'.*--help/)])
    })

    test(`SIG20 ${script}: a port in use is said in one line`, async () => {
      const other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      const command = run(script, ['--port', String(port)])
      expect(await command.ends(30_000)).toEqual({ code: 1, signal: null })
      other.close()
      expect(lines(command.complained)).toEqual([
        expect.stringContaining(`Port ${port} on 127.0.0.1 is in use`),
      ])
    })

    test(`SIG20 ${script} --help says how to use it`, async () => {
      const command = run(script, ['--help'])
      expect(await command.ends(30_000)).toEqual({ code: 0, signal: null })
      expect(command.said).toMatch(/^Usage: npm /)
    })
  }
})

describe('https', () => {
  test('SIG17 --lan serves a certificate of its own, prints the address with a QR code, and is one server with http', async () => {
    const caches = mkdtempSync(join(tmpdir(), 'tabmesh-caches-'))
    const lanPort = await freePort()
    const command = run('start', ['--port', '0', '--lan', '--lan-port', String(lanPort)], {
      XDG_CACHE_HOME: caches,
    })
    const { port } = await addressOf(command)
    await command.prints(/Ctrl-C stops it/)
    const { cert } = JSON.parse(readFileSync(join(caches, 'tabmesh/lan-certificate.json'), 'utf8'))
    expect(await secureStatus(`https://127.0.0.1:${lanPort}/healthz`, cert)).toBe(200)
    const [address] = lanAddresses()
    if (address === undefined) expect(command.said).toContain('no address on a local network')
    else {
      const url = `https://${address}:${lanPort}`
      expect(command.said).toContain(`On this network: ${url}\n\n${renderUnicodeCompact(url)}\n`)
      expect(await secureStatus(`${url}/healthz`, cert)).toBe(200)
    }
    const alice = await openPeer(Number(port), 'alice', 'room')
    const query = '?key=room&id=bob&token=bob&version=1.5.5'
    const bob = new WirePeer(lanPort, query, { ca: cert }, 'wss')
    await bob.hears(1)
    bob.send({ type: 'OFFER', dst: 'alice', payload: 'over both' })
    expect(await alice.hears(2)).toEqual({ type: 'OFFER', src: 'bob', dst: 'alice', payload: 'over both' })
    const listed: unknown = await (await fetch(`http://127.0.0.1:${port}/room/peers`)).json()
    expect(listed).toEqual(expect.arrayContaining(['alice', 'bob']))
    command.interrupt()
    expect(await command.ends()).toEqual({ code: 0, signal: null })
  })

  test('SIG17 --cert and --key are what the only port, and with --lan the second, serves', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tabmesh-certificate-'))
    const { cert, key } = await selfSignedCertificate(lanAddresses(), [folder])
    writeFileSync(join(folder, 'cert.pem'), cert)
    writeFileSync(join(folder, 'key.pem'), key)
    const files = ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')]
    const only = run('start', ['--port', '0', '--host', '127.0.0.1', ...files])
    const url = await addressOf(only)
    expect(url.protocol).toBe('https:')
    expect(await secureStatus(`${url.origin}/healthz`, cert)).toBe(200)
    const lanPort = await freePort()
    const lan = run('start', ['--port', '0', '--lan', '--lan-port', String(lanPort), ...files])
    await lan.prints(/Ctrl-C stops it/)
    expect(await secureStatus(`https://127.0.0.1:${lanPort}/healthz`, cert)).toBe(200)
    expect(lan.said).not.toContain('Browsers will warn')
  })
})

describe('the other commands', () => {
  test('SIG5 npm run signaling introduces peers and serves no page', async () => {
    const command = run('signaling', ['--port', '0'])
    const url = await addressOf(command)
    expect(command.said).toContain('it serves no page')
    const base = `http://127.0.0.1:${url.port}`
    expect(await (await fetch(base)).json()).toMatchObject({ name: 'PeerJS Server' })
    const alice = await openPeer(Number(url.port), 'alice')
    const bob = await openPeer(Number(url.port), 'bob')
    bob.send({ type: 'OFFER', dst: 'alice', payload: 'hello' })
    expect(await alice.hears(2)).toMatchObject({ type: 'OFFER', src: 'bob', payload: 'hello' })
    command.interrupt()
    expect(await command.ends()).toEqual({ code: 0, signal: null })
  })

  test('SIG22 npm run dev lets pages of Vite in through Vite, and no others', async () => {
    const port = await freePort()
    const command = run('dev', ['--port', String(port)])
    const [, address = ''] = await command.prints(/Local:\s+(http:\S+)/)
    const vite = new URL(address)
    expect(await (await fetch(vite)).text()).toContain('/@vite/client')
    expect(await (await fetch(new URL('/config', vite))).json()).toMatchObject({ iceServers: [] })
    for (const origin of [vite.origin, vite.origin.replace('127.0.0.1', 'localhost')]) {
      const peer = new WirePeer(Number(vite.port), `?key=dev&id=${vite.port}&token=t&version=1.5.5`, {
        origin,
      })
      expect(await peer.hears(1)).toEqual({ type: 'OPEN' })
      await peer.close()
    }
    const foreign = new WirePeer(Number(vite.port), '?key=dev&id=x&token=t&version=1.5.5', {
      origin: 'http://evil.example',
    })
    await foreign.closed
    expect(foreign.heard).toEqual([])
    command.interrupt()
    expect(await command.ends()).toEqual({ code: 0, signal: null })
  })
})
