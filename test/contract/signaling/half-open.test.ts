import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createSeededRandom, type PeerId } from '../../../web/base/index.ts'
import type { PeerJsSignaling as Signaling } from '../../../web/mesh/peerjs/peerjs-signaling.ts'
import { VirtualClock } from '../../support/sim/clock.ts'
import { type Subject, startOurs, startTheirs } from './actors.ts'

const ID = 'a'.repeat(32) as PeerId
const ends: (() => unknown)[] = []
beforeEach(() => {
  vi.stubGlobal('window', { location: { hostname: '127.0.0.1', protocol: 'http:' } })
  sockets = []
  vi.stubGlobal('WebSocket', Remembered)
  vi.stubGlobal('RTCPeerConnection', WithoutNetwork)
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  vi.unstubAllGlobals()
})

let sockets: WebSocket[] = []

/** As a browser's, it throws for nobody; the test sees each. */
class Remembered extends WebSocket {
  constructor(url: string) {
    super(url)
    this.on('error', () => undefined)
    sockets.push(this)
  }
}

/** What PeerJS looks for when it loads. */
class WithoutNetwork {
  createDataChannel = () => ({ close: () => undefined })
  close = () => undefined
}

/** Forwards TCP until it is told to fall silent: what is open then stays open and carries nothing, what comes later works. */
class Forwarder {
  readonly #server: Server
  readonly #open = new Set<Socket>()

  constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, '127.0.0.1')
      for (const socket of [near, far]) {
        this.#open.add(socket)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => this.#open.delete(socket))
      }
      near.pipe(far).pipe(near)
    })
  }

  async start(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  fallSilent(): void {
    for (const socket of this.#open) {
      socket.unpipe()
      socket.pause()
    }
  }

  close(): void {
    for (const socket of this.#open) socket.destroy()
    this.#server.close()
  }
}

async function connected(subject: Subject) {
  ends.push(() => subject.stop())
  const forwarder = await new Forwarder(subject.port).start()
  ends.push(() => forwarder.close())
  const { PeerJsSignaling } = await import('../../../web/mesh/peerjs/peerjs-signaling.ts')
  const clock = new VirtualClock()
  const signaling: Signaling = new PeerJsSignaling(
    {
      peerId: ID,
      token: 'token',
      key: 'peerjs',
      signalingUrl: `http://127.0.0.1:${forwarder.port}/`,
      iceServers: [],
      clock,
      random: createSeededRandom(1),
    },
    {
      onState: () => undefined,
      onMessage: () => 'pass',
      onConnection: () => undefined,
      diagnose: async () => undefined,
    },
  )
  ends.push(() => signaling.close())
  await signaling.start()
  /** Lets virtual time pass; the network has its turn after each event. */
  const pass = async (ms: number) => {
    const end = clock.now() + ms
    while (await clock.step(end)) await new Promise((resolve) => setImmediate(resolve))
  }
  const listed = async () =>
    (await (await fetch(`http://127.0.0.1:${subject.port}/peerjs/peers`)).json()) as unknown[]
  return { signaling, forwarder, clock, pass, listed }
}

describe('a half-open connection', () => {
  test('TRN17: to our server is found by its silence within 15 s, and a new one takes over', async () => {
    const { signaling, forwarder, clock, pass, listed } = await connected(await startOurs())
    expect(await listed()).toEqual([ID])
    // The first question has its answer.
    await expect.poll(() => clock.nextAt).toBe(10_000)
    forwarder.fallSilent()
    await pass(15_000)
    await expect.poll(() => signaling.connection).toBe(2)
    expect(await listed()).toEqual([ID])
  })

  test('TRN17: to the stock server, which says no OPEN to an id that it believes to be here, a second attempt takes over', async () => {
    const { signaling, forwarder, clock, pass, listed } = await connected(await startTheirs(5_000))
    expect(await listed()).toEqual([ID])
    await expect.poll(() => clock.nextAt).toBe(10_000)
    forwarder.fallSilent()
    await pass(15_000)
    await expect.poll(() => sockets[1]?.readyState).toBe(WebSocket.OPEN)
    await pass(10_000)
    await expect.poll(() => sockets[1]?.readyState).toBe(WebSocket.CLOSED)
    await expect.poll(listed).toEqual([])
    await pass(1_000)
    await expect.poll(() => signaling.connection).toBe(2)
    expect(await listed()).toEqual([ID])
  })
})
