import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lanAddresses } from '../../../signaling/addresses.ts'
import { helpText, overlooked, parseCommandLine } from '../../../signaling/command-line.ts'
import { createLog } from '../../../signaling/log.ts'
import { resolveOptions, type SignalingOptions } from '../../../signaling/options.ts'

const resolve = (args: string[], env: Record<string, string> = {}) =>
  resolveOptions(parseCommandLine(args, env) ?? {})

describe('options', () => {
  test('SIG16 defaults: this machine only, port 9000, the stock path', () => {
    expect(resolve([])).toMatchObject({
      host: '127.0.0.1',
      port: 9000,
      path: '/',
      lan: false,
      trustedOrigins: [],
      iceServers: [],
    })
  })

  test('SIG16 flags win over the environment, which wins over defaults', () => {
    const env = {
      TABMESH_PORT: '9200',
      TABMESH_HOST: '10.0.0.1',
      TABMESH_TRUST_ORIGIN: 'https://a.example https://b.example',
    }
    const settings = resolve(['--port', '9123'], env)
    expect(settings).toMatchObject({
      port: 9123,
      host: '10.0.0.1',
      trustedOrigins: ['https://a.example', 'https://b.example'],
    })
  })

  test('SIG16 ICE servers, limits and lists are read', () => {
    const args = [
      '--ice',
      'stun:stun.example:3478',
      '--ice',
      'turns:turn.example,user,secret',
      '--frame-burst',
      '9',
      '--lan',
    ]
    const settings = resolve(args)
    expect(settings.iceServers).toEqual([
      { urls: 'stun:stun.example:3478' },
      { urls: 'turns:turn.example', username: 'user', credential: 'secret' },
    ])
    expect(settings.limits.frameBurst).toBe(9)
    expect(settings).toMatchObject({ host: '0.0.0.0', lanPort: 9001 })
  })

  const contradictions: readonly (readonly [string, SignalingOptions])[] = [
    ['port', { port: 70_000 }],
    ['lanPort', { lanPort: 9001 }],
    ['lanPort', { lan: true, port: 9000, lanPort: 9000 }],
    ['certFile', { certFile: 'a.pem' }],
    ['keyFile', { keyFile: 'a.pem' }],
    ['path', { path: 'peer' }],
    ['host', { host: '' }],
    ['host', { host: 'a b' }],
    ['path', { path: '' }],
    ['path', { path: '/a/../b' }],
    ['path', { path: '//a' }],
    ['path', { path: `/${'a'.repeat(300)}` }],
    ['publicUrl', { publicUrl: 'mesh.example.org' }],
    ['publicUrl', { publicUrl: 'ftp://mesh.example.org' }],
    ['publicUrl', { publicUrl: 'https://user@mesh.example.org/' }],
    ['publicUrl', { publicUrl: 'https://mesh.example.org/#a' }],
    ['allowedHosts', { allowedHosts: ['https://mesh.example.org'] }],
    ['allowedHosts', { allowedHosts: [''] }],
    ['limits.pingMs', { limits: { pingMs: 30 * 86_400_000 } }],
    ['limits.peers', { limits: { peers: 2 ** 53 } }],
    ['trustedOrigins', { trustedOrigins: ['example.org'] }],
    ['iceServers', { iceServers: [{ urls: 'http://x' }] }],
    ['iceServers', { iceServers: [{ urls: 'turn:x' }] }],
    ['connectSources', { connectSources: ["'self'; script-src *"] }],
    ['limits.peers', { limits: { peers: 0 } }],
  ]
  for (const [name, options] of contradictions) {
    test(`SIG16 ${JSON.stringify(options)} is refused by name`, () => {
      expect(() => resolveOptions(options)).toThrow(
        expect.objectContaining({ code: 'bad-option', message: expect.stringContaining(name) }),
      )
    })
  }

  test('SIG16 an unknown flag, a word for a number and --help', () => {
    expect(() => parseCommandLine(['--prot', '1'], {})).toThrow(/--prot.*--help/)
    expect(() => parseCommandLine(['--port', 'x'], {})).toThrow(/--port takes a whole number/)
    expect(() => parseCommandLine(['--log', 'loud'], {})).toThrow(/silent, error, info, debug/)
    expect(parseCommandLine(['--help'], {})).toBeUndefined()
    for (const flag of ['--port', '--lan', '--cert', '--trust-origin', '--ice', '--frame-burst'])
      expect(helpText('npm start --')).toContain(flag)
  })

  test('SIG16 the time that a path takes to check grows with its length, whatever is in it', () => {
    const began = performance.now()
    for (const path of [`/${'a'.repeat(50_000)}!`, `${'/a'.repeat(100)}!`, `/${'a'.repeat(250)}!`])
      expect(() => resolveOptions({ path })).toThrow(expect.objectContaining({ code: 'bad-option' }))
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  test('SIG16 the public address is trusted, answered to, and its path is the base', () => {
    expect(
      resolve(['--public-url', 'https://Mesh.example.org:8443/a/b', '--allow-host', 'other']),
    ).toMatchObject({
      basePath: '/a/b/',
      trustedOrigins: ['https://mesh.example.org:8443'],
      allowedHosts: expect.arrayContaining(['other', 'mesh.example.org']),
    })
  })

  test('SIG16 an empty variable is none, an unknown one and a word for a switch are refused by name', () => {
    const empty = { TABMESH_HOST: '', TABMESH_PORT: ' ', TABMESH_LAN: '', TABMESH_TRUST_ORIGIN: '' }
    expect(resolve([], empty)).toMatchObject({
      host: '127.0.0.1',
      port: 9000,
      lan: false,
      trustedOrigins: [],
    })
    expect(() => resolve([], { TABMESH_PROT: '9123' })).toThrow(/TABMESH_PROT.*--help/)
    expect(resolve([], { TABMESH_LAN: 'no', TABMESH_TRUST_PROXY: 'yes' })).toMatchObject({
      lan: false,
      trustProxy: true,
    })
    expect(() => resolve([], { TABMESH_LAN: 'maybe' })).toThrow(/--lan is 1 or 0/)
    for (const flag of ['--host', '--cert', '--port', '--path', '--trust-origin'])
      expect(() => resolve([`${flag}=`]), flag).toThrow(new RegExp(`${flag} needs a value`))
    expect(resolve(['--ice', 'turn:turn.example,user,a,b'])).toMatchObject({
      iceServers: [{ urls: 'turn:turn.example', username: 'user', credential: 'a,b' }],
    })
  })

  test('SIG16 what does not reach the program is said: PORT, and flags that npm keeps', () => {
    expect(overlooked([], { PORT: '8080' })).toEqual(['PORT=8080 is not read; TABMESH_PORT=8080 is.'])
    expect(overlooked(['--port=1'], { PORT: '8080' })).toEqual([])
    expect(overlooked([], { PORT: '', TABMESH_PORT: '8080' })).toEqual([])
    expect(overlooked([], { npm_config_lan: 'true', npm_config_cert: 'x' })).toEqual([
      'npm has kept --lan for itself: write npm start -- --lan',
    ])
  })

  test('SIG16 the start script needs nothing that is not part of Node', () => {
    const source = readFileSync(new URL('../../../signaling/start.mjs', import.meta.url), 'utf8')
    const imported = [...source.matchAll(/^import .* from '(.*)'/gm)].map((match) => match[1])
    expect(imported.length).toBeGreaterThan(3)
    for (const name of imported) expect(name).toMatch(/^node:/)
  })
})

describe('surroundings', () => {
  test('SIG17 LAN addresses are those of real cards first, without loopback and link-local', () => {
    const entry = (address: string, family: 'IPv4' | 'IPv6' = 'IPv4', internal = false) =>
      ({
        address,
        family,
        internal,
        netmask: '',
        mac: '',
        cidr: null,
        ...(family === 'IPv6' ? { scopeid: 0 } : {}),
      }) as never
    const found = lanAddresses({
      lo: [entry('127.0.0.1', 'IPv4', true)],
      docker0: [entry('172.17.0.1')],
      wlan0: [entry('fe80::1', 'IPv6'), entry('192.168.1.5'), entry('169.254.3.3')],
    })
    expect(found).toEqual(['192.168.1.5', '172.17.0.1'])
  })

  test('SIG18 the log has one JSON object for each line, from its level on', () => {
    const lines: string[] = []
    const log = createLog('info', (line) => lines.push(line))
    log.debug('opened', () => ({ id: 'a' }))
    log.info('listening', { port: 9000 })
    log.error('server-error', { problem: 'two\nlines' })
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'info', event: 'listening', port: 9000 },
      { level: 'error', event: 'server-error', problem: 'two\nlines' },
    ])
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true)
  })
})
