import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { SignalingOptions } from '../../../signaling/options.ts'
import { ManualClock, openPeer, type Subject, startOurs, WirePeer } from './actors.ts'

const subjects: Subject[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const subject of subjects.splice(0)) await subject.stop()
})

async function start(options: SignalingOptions = {}): Promise<number> {
  const subject = await startOurs(options)
  subjects.push(subject)
  return subject.port
}

async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`tabmesh_signaling_${name} `))
  return Number(line?.split(' ')[1])
}

/** The Host goes out as it is, unlike with fetch. */
function statusFor(port: number, path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.once('error', reject).end()
  })
}

/** A raw connection that says `text` and then what it is told to. */
function openRaw(port: number, text: string): { socket: Socket; closed: Promise<void>; heard: () => string } {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
  })
  socket.on('error', () => socket.destroy())
  socket.write(text)
  return {
    socket,
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
    heard: () => heard,
  }
}

const query = (id: string) => `?key=peerjs&id=${id}&token=t`

const UPGRADE = (port: number, id: string) =>
  `GET /peerjs?key=peerjs&id=${id}&token=t HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe('who may come in', () => {
  const ids = ['__proto__', '-a', 'a-', 'a--b', 'é', 'a\nb', '😀', 'a'.repeat(65), ' ', 'a/b', '%']
  for (const id of ids) {
    test(`SIG1 refuses the id ${JSON.stringify(id.slice(0, 20))} (A8)`, async () => {
      const port = await start()
      const peer = new WirePeer(port, `?key=peerjs&id=${encodeURIComponent(id)}&token=t`)
      await peer.closed
      expect(peer.heard).toEqual([{ type: 'ERROR', payload: { msg: 'Invalid id provided' } }])
    })
  }

  test('SIG1 takes ids, keys and tokens of 1 and of 64 characters', async () => {
    const port = await start()
    const long = `${'a1_B-'.repeat(12)}Zz9x`
    for (const text of ['a', long]) {
      const peer = await openPeer(port, text, text, text)
      expect(peer.heard).toEqual([{ type: 'OPEN' }])
    }
    expect(long).toHaveLength(64)
  })

  test('SIG1 a constructor of objects is an id like any other', async () => {
    const port = await start()
    const [alice, bob] = [await openPeer(port, 'constructor'), await openPeer(port, 'hasOwnProperty')]
    alice.send({ type: 'OFFER', payload: 1, dst: 'hasOwnProperty' })
    expect(await bob.hears(2)).toMatchObject({ src: 'constructor' })
  })

  test('SIG8 a page of another origin is refused, our own, a trusted and no origin are not (A11)', async () => {
    const port = await start({ trustedOrigins: ['https://friend.example'] })
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${port + 1}`]) {
      const peer = new WirePeer(port, query('evil'), { headers: { origin } })
      await peer.closed
      expect(peer.heard).toEqual([])
      expect((await fetch(`http://127.0.0.1:${port}/peerjs/peers`, { headers: { origin } })).status).toBe(403)
    }
    for (const [id, origin] of [
      ['own', `http://127.0.0.1:${port}`],
      ['friend', 'https://friend.example'],
    ] as const) {
      const peer = new WirePeer(port, query(id), { headers: { origin } })
      expect(await peer.hears(1)).toEqual({ type: 'OPEN' })
    }
    expect(await metric(port, 'refused_total{reason="origin"}')).toBe(6)
  })

  test('SIG23 a request for another name gets no socket, no list, no configuration and no metrics', async () => {
    const port = await start({
      allowedHosts: ['*.mesh.example'],
      iceServers: [{ urls: 'turn:turn.example', username: 'user', credential: 'secret' }],
    })
    for (const host of [
      `evil.example:${port}`,
      'evil.example',
      '127.0.0.1.evil.example',
      'mesh.example',
      '[::1',
      '0x7f000001',
    ]) {
      // The browser of one who was rebound takes the page for the server's own.
      const peer = new WirePeer(port, query('a'), { headers: { host, origin: `http://${host}` } })
      await peer.closed
      expect(peer.heard, host).toEqual([])
      for (const path of ['/config', '/room/peers', '/room/id', '/metrics'])
        expect(await statusFor(port, path, host), `${host} ${path}`).toBe(421)
      expect(await statusFor(port, '/healthz', host)).toBe(200)
    }
    for (const host of [
      'localhost',
      'a.localhost:1',
      '[::1]:9000',
      '192.168.1.7:9001',
      'LOCALHOST.',
      'a.mesh.example',
    ]) {
      const peer = new WirePeer(port, query(`id${host.length}`), { headers: { host } })
      expect(await peer.hears(1), host).toEqual({ type: 'OPEN' })
      expect(await statusFor(port, '/config', host), host).toBe(200)
    }
    expect(await metric(port, 'refused_total{reason="host"}')).toBe(30)
  })

  test('SIG9 one address, one key and the server have their limits (A21)', async () => {
    const port = await start({ limits: { peers: 3, peersPerKey: 2, peersPerAddress: 4 } })
    await openPeer(port, 'a', 'room1')
    await openPeer(port, 'b', 'room1')
    const third = new WirePeer(port, '?key=room1&id=c&token=t')
    await third.closed
    expect(third.heard).toMatchObject([{ payload: { msg: 'This key has reached its limit of peers' } }])
    await openPeer(port, 'd', 'room2')
    const full = new WirePeer(port, '?key=room3&id=e&token=t')
    await full.closed
    expect(full.heard).toMatchObject([{ payload: { msg: 'Server has reached its concurrent user limit' } }])
  })

  test('SIG9 an address that has its share gets no more until one of its connections ends', async () => {
    const port = await start({ limits: { peersPerAddress: 1 } })
    const first = await openPeer(port, 'a')
    const second = new WirePeer(port, '?key=peerjs&id=b&token=t')
    await second.closed
    expect(second.heard).toMatchObject([
      { payload: { msg: 'This address has reached its limit of connections' } },
    ])
    await first.close()
    await expect.poll(() => metric(port, 'peers')).toBe(0)
    await openPeer(port, 'b')
  })
})

describe('what may be said', () => {
  test('SIG7 a frame of 64 KiB is relayed, a larger one ends its connection with 1009 (A9)', async () => {
    const port = await start()
    const [alice, bob] = [await openPeer(port, 'alice'), await openPeer(port, 'bob')]
    const frame = (bytes: number) => {
      const empty = JSON.stringify({ type: 'OFFER', payload: '', dst: 'bob' })
      return JSON.stringify({ type: 'OFFER', payload: 'x'.repeat(bytes - empty.length), dst: 'bob' })
    }
    alice.send(frame(65_536))
    expect(await bob.hears(2)).toMatchObject({ src: 'alice' })
    alice.send(frame(65_537))
    expect((await alice.closed).code).toBe(1009)
    await bob.settles('bob')
  })

  test('SIG7 a frame that claims 100 MiB is refused at its head (A9)', async () => {
    const port = await start()
    const raw = openRaw(port, UPGRADE(port, 'alice'))
    await expect.poll(raw.heard).toContain('OPEN')
    const head = Buffer.alloc(14)
    head.writeUInt16BE(0x81ff, 0)
    head.writeBigUInt64BE(104_857_600n, 2)
    raw.socket.write(head)
    await raw.closed
    expect(await metric(port, 'refused_total{reason="protocol"}')).toBe(1)
  })

  test('SIG7 fragments without end are cut (A9)', async () => {
    const port = await start()
    const raw = openRaw(port, UPGRADE(port, 'alice'))
    await expect.poll(raw.heard).toContain('OPEN')
    raw.socket.write(Buffer.from([0x01, 0x80, 0, 0, 0, 0]))
    raw.socket.write(
      Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x78]))),
    )
    await raw.closed
    expect(await metric(port, 'peers')).toBe(0)
  })

  test('SIG7 bytes that are no UTF-8 end their connection with 1007 (A14)', async () => {
    const port = await start()
    const raw = openRaw(port, UPGRADE(port, 'alice'))
    await expect.poll(raw.heard).toContain('OPEN')
    raw.socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]))
    await raw.closed
    expect(raw.heard()).toContain('\x03\xef')
  })

  test('SIG6 frames beyond the burst end the connection with a reason, pings too (A9)', async () => {
    const port = await start({ clock: new ManualClock() })
    const talker = await openPeer(port, 'talker')
    for (let count = 0; count < 301; count++) talker.send({ type: 'HEARTBEAT' })
    expect(await talker.closed).toEqual({ code: 4029, reason: 'too many frames' })
    const pinger = await openPeer(port, 'pinger')
    for (let count = 0; count < 301; count++) pinger.socket.ping()
    expect((await pinger.closed).code).toBe(4029)
  })

  test('SIG6 bytes are paid for: 45 offers of 60 KB in a second end their sender, and not who they are for', async () => {
    const clock = new ManualClock()
    const port = await start({ clock })
    const [flooder, bob] = [await openPeer(port, 'flooder'), await openPeer(port, 'bob')]
    const payload = 'x'.repeat(60_000)
    for (let sent = 0; sent < 45; sent++) flooder.send({ type: 'OFFER', payload, dst: 'bob' })
    expect(await flooder.closed).toEqual({ code: 4029, reason: 'too many frames' })
    await bob.settles('bob')
    expect(bob.heard.length).toBeLessThan(8)
    // What PeerJS says to ten others when it joins costs less than the burst.
    const newcomer = await openPeer(port, 'newcomer')
    for (let other = 0; other < 10; other++) {
      newcomer.send({ type: 'OFFER', payload: 'x'.repeat(3_000), dst: 'bob' })
      for (let n = 0; n < 10; n++) newcomer.send({ type: 'CANDIDATE', payload: 'x'.repeat(300), dst: 'bob' })
    }
    await newcomer.settles('newcomer')
  })

  test('SIG6 pongs that nobody asked for cost as much as frames', async () => {
    const port = await start({ clock: new ManualClock() })
    const ponger = await openPeer(port, 'ponger')
    for (let count = 0; count < 301; count++) ponger.socket.pong()
    expect((await ponger.closed).code).toBe(4029)
  })

  test('SIG6 a malformed frame costs as much as ten good ones (A14)', async () => {
    const port = await start({ clock: new ManualClock() })
    const [fuzzer, bob] = [await openPeer(port, 'fuzzer'), await openPeer(port, 'bob')]
    for (let count = 0; count < 31; count++) fuzzer.send('{"type":')
    expect((await fuzzer.closed).code).toBe(4029)
    await bob.settles('bob')
  })

  test('SIG2 peers of different keys neither see nor reach each other', async () => {
    const port = await start()
    const [alice, mallory] = [
      await openPeer(port, 'alice', 'room1'),
      await openPeer(port, 'mallory', 'room2'),
    ]
    const twin = await openPeer(port, 'alice', 'room2')
    mallory.send({ type: 'OFFER', payload: 1, dst: 'alice' })
    expect(await twin.hears(2)).toMatchObject({ src: 'mallory' })
    await alice.settles('alice')
    expect(alice.heard).toEqual([{ type: 'OPEN' }])
    expect(await (await fetch(`http://127.0.0.1:${port}/room1/peers`)).json()).toEqual(['alice'])
  })

  test('SIG4 a peer that left cannot speak as who took its id (A12)', async () => {
    const port = await start()
    const ghost = await openPeer(port, 'alice')
    const bob = await openPeer(port, 'bob')
    ghost.send({ type: 'LEAVE' })
    ghost.send({ type: 'OFFER', payload: 'ghost', dst: 'bob' })
    expect(await ghost.closed).toEqual({ code: 1000, reason: 'left' })
    await openPeer(port, 'alice', 'peerjs', 'other')
    await bob.settles('bob')
    expect(bob.heard).toEqual([{ type: 'OPEN' }])
  })
})

describe('what is kept for absent peers', () => {
  test('SIG10 a flood of offers to strangers keeps 32 messages and answers the rest with EXPIRE (A13)', async () => {
    const port = await start({ clock: new ManualClock(), limits: { frameBurst: 10_000 } })
    const flooder = await openPeer(port, 'flooder')
    for (let count = 0; count < 5_000; count++)
      flooder.send({ type: 'OFFER', payload: 'x'.repeat(100), dst: `stranger${count}` })
    expect(await flooder.hears(1 + 5_000 - 32)).toMatchObject({ type: 'EXPIRE', src: 'stranger4999' })
    expect(await metric(port, 'pending_messages')).toBe(32)
  })

  test('SIG10 each message waits 5 s, then its sender hears EXPIRE', async () => {
    const clock = new ManualClock()
    const port = await start({ clock })
    const alice = await openPeer(port, 'alice')
    alice.send({ type: 'OFFER', payload: 1, dst: 'bob' })
    await alice.settles('alice')
    clock.advance(4_900)
    alice.send({ type: 'OFFER', payload: 2, dst: 'carol' })
    await alice.settles('alice')
    clock.advance(600)
    expect(await alice.hears(2)).toEqual({ type: 'EXPIRE', src: 'bob', dst: 'alice' })
    expect(await metric(port, 'pending_messages')).toBe(1)
    const carol = await openPeer(port, 'carol')
    expect(await carol.hears(2)).toMatchObject({ type: 'OFFER', src: 'alice', payload: 2 })
  })
})

describe('who takes too long', () => {
  test('SIG11 half-open upgrades make place for others at once and are closed within 10 s (A10)', {
    timeout: 20_000,
  }, async () => {
    const port = await start({ limits: { waitingSockets: 50, headerMs: 500 } })
    const half = Array.from({ length: 200 }, () =>
      openRaw(port, 'GET /peerjs?key=peerjs&id=a HTTP/1.1\r\nHost: x\r\nX-'),
    )
    const alice = await openPeer(port, 'alice')
    await Promise.all(half.map((one) => one.closed))
    await alice.settles('alice')
    expect(await metric(port, 'refused_total{reason="crowd"}')).toBeGreaterThanOrEqual(100)
  })

  test('SIG11 a head of more than 8 KiB is refused', async () => {
    const port = await start()
    const raw = openRaw(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(9_000)}\r\n\r\n`)
    await raw.closed
    expect(raw.heard()).toContain('431')
  })

  test('SIG12 what a reader has no place for is refused to its sender, who pays; the reader stays, and others are heard', async () => {
    const port = await start({
      limits: { frameBurst: 2_000, bufferedBytes: 262_144 },
      clock: new ManualClock(),
    })
    const slow = openRaw(port, UPGRADE(port, 'slow'))
    await expect.poll(slow.heard).toContain('OPEN')
    slow.socket.pause()
    const flooders = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => openPeer(port, id)))
    const payload = 'x'.repeat(60_000)
    for (const flooder of flooders)
      for (let sent = 0; sent < 40; sent++) flooder.send({ type: 'OFFER', payload, dst: 'slow' })
    for (const flooder of flooders) expect((await flooder.closed).code).toBe(4029)
    expect(await metric(port, 'refused_total{reason="unread"}')).toBeGreaterThan(10)
    // By its bytes alone it could afford these.
    const last = await openPeer(port, 'last')
    for (let sent = 0; sent < 33; sent++) last.send({ type: 'OFFER', payload, dst: 'slow' })
    expect((await last.closed).code).toBe(4029)
    const bob = await openPeer(port, 'bob')
    bob.send({ type: 'OFFER', payload: 'small', dst: 'slow' })
    await bob.settles('bob')
    slow.socket.resume()
    await expect.poll(slow.heard).toContain('"payload":"small"')
    expect(await metric(port, 'refused_total{reason="slow"}')).toBe(0)
    expect(await metric(port, 'peers')).toBe(2)
  })

  test('SIG12 who pings and does not read the answers is cut', async () => {
    const port = await start({ limits: { framesPerSecond: 1e6, frameBurst: 1e6, bufferedBytes: 4_096 } })
    const mute = openRaw(port, UPGRADE(port, 'mute'))
    await expect.poll(mute.heard).toContain('OPEN')
    mute.socket.pause()
    const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)])
    const pings = Buffer.concat(Array.from({ length: 500 }, () => ping))
    // A socket that is paused here does not hear of its end: the server says it.
    while ((await metric(port, 'refused_total{reason="slow"}')) === 0) mute.socket.write(pings)
    expect(await metric(port, 'peers')).toBe(0)
  })

  test('SIG13 a peer that answers no ping is ended, one that does stays', async () => {
    const clock = new ManualClock()
    const port = await start({ clock })
    const dead = new WirePeer(port, '?key=peerjs&id=dead&token=t', { autoPong: false })
    await dead.hears(1)
    const alive = await openPeer(port, 'alive')
    for (let round = 0; round < 4; round++) {
      const pinged =
        round < 3 ? new Promise((resolve) => alive.socket.once('ping', resolve)) : Promise.resolve()
      clock.advance(20_000)
      await pinged
      await alive.settles('alive')
    }
    expect((await dead.closed).code).toBe(1006)
    expect(await (await fetch(`http://127.0.0.1:${port}/peerjs/peers`)).json()).toEqual(['alive'])
  })
})

describe('the end', () => {
  test('SIG14 closing tells every peer why, and is over even if one does not answer', async () => {
    const subject = await startOurs({ limits: { drainMs: 200 } })
    const alice = await openPeer(subject.port, 'alice')
    const mute = openRaw(subject.port, UPGRADE(subject.port, 'mute'))
    await expect.poll(mute.heard).toContain('OPEN')
    await subject.stop()
    expect(await alice.closed).toEqual({ code: 1001, reason: 'the test is over' })
    await mute.closed
    await expect(fetch(`http://127.0.0.1:${subject.port}/healthz`)).rejects.toThrow()
  })
})
