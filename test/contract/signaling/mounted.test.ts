import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { createSignalingServer, type SignalingServer } from '../../../signaling/server.ts'
import { WirePeer } from './actors.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function host(): Server {
  const server = createServer((_, response) => response.end('the app'))
  ends.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return server
}

async function listens(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function mount(server: Server, path?: string): SignalingServer {
  const signaling = createSignalingServer({ server, log: 'silent', ...(path === undefined ? {} : { path }) })
  ends.push(() => signaling.close())
  return signaling
}

const text = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()

describe('SIG25 mounted on a server that is there', () => {
  test('SIG25 it takes what is below its path, and nothing else', async () => {
    const server = host()
    const signaling = mount(server)
    const port = await listens(server)
    await signaling.ready
    expect(signaling.address).toMatchObject({ port, url: `http://localhost:${port}/tabmesh` })
    expect(signaling.hasPage).toBe(false)
    expect(JSON.parse(await text(port, '/tabmesh/config'))).toMatchObject({ path: '/tabmesh/' })
    expect(await text(port, '/tabmesh/room/peers')).toBe('[]')
    expect(await text(port, '/tabmesh/nothing')).toBe('not found\n')
    for (const own of ['/', '/config', '/metrics', '/tabmesh', '/room/peers', '/tabmeshes/config'])
      expect(await text(port, own)).toBe('the app')
  })

  test('SIG25 peers meet over it, beside another WebSocket server of the host', async () => {
    const server = host()
    const others = new WebSocketServer({ server, path: '/live' })
    others.on('connection', (socket) => socket.send('"live"'))
    ends.push(() => others.close())
    const signaling = mount(server, '/mesh')
    const port = await listens(server)
    await signaling.ready
    const open = (id: string) =>
      new WirePeer(port, `?key=k&id=${id}&token=t${id}&version=1.5.5`, {}, 'ws', '/mesh/peerjs')
    const [ann, ben] = [open('ann'), open('ben')]
    await Promise.all([ann.hears(1), ben.hears(1)])
    ann.send({ type: 'OFFER', dst: 'ben', payload: { sdp: 'x' } })
    expect(await ben.hears(2)).toMatchObject({ type: 'OFFER', src: 'ann' })
    const live = new WirePeer(port, '', {}, 'ws', '/live')
    expect(await live.hears(1)).toBe('live')
    await live.close()
  })

  test('SIG25 after its end the host serves on, as before', async () => {
    const server = host()
    const port = await listens(server)
    const signaling = mount(server)
    await signaling.ready
    await signaling.close()
    expect(server.listening).toBe(true)
    expect(await text(port, '/tabmesh/config')).toBe('the app')
    const again = mount(server)
    await again.ready
    expect(await text(port, '/tabmesh/room/peers')).toBe('[]')
  })

  test('SIG25 an upgrade that is nobody’s ends with 400', async () => {
    const server = host()
    mount(server)
    const port = await listens(server)
    const stray = new WirePeer(port, '', {}, 'ws', '/elsewhere')
    expect(await stray.closed).toMatchObject({ code: 1006 })
  })

  test('SIG25 a host that never listens is told', async () => {
    const server = host()
    const signaling = mount(server)
    server.emit('error', new Error('no port'))
    await expect(signaling.ready).rejects.toMatchObject({ code: 'listen-failed' })
  })

  test.each([
    [{ port: 9000 }, 'port'],
    [{ host: '127.0.0.1' }, 'host'],
    [{ lan: true }, 'lan'],
    [{ webDir: 'dist' }, 'webDir'],
    [{ path: '/' }, 'path'],
  ])('SIG25 what the host decides is refused: %o', (options, named) => {
    const server = host()
    ends.pop()
    expect(() => createSignalingServer({ server, log: 'silent', ...options })).toThrow(named)
  })

  test.each([null, {}, 5, 'http', new Uint8Array(2)])('SIG25 %s is no server', (server) => {
    expect(() => createSignalingServer({ server: server as unknown as Server })).toThrow('server')
  })
})
