import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'
import { type ClientOptions, WebSocket } from 'ws'
import type { Clock } from '../../../signaling/clock.ts'
import type { SignalingOptions } from '../../../signaling/options.ts'
import { createSignalingServer } from '../../../signaling/server.ts'

const WAIT_MS = 10_000

/** A signaling server under test. */
export interface Subject {
  readonly port: number
  stop(): Promise<void>
}

export async function startOurs(options: SignalingOptions = {}): Promise<Subject> {
  const server = createSignalingServer({ port: 0, webDir: null, log: 'silent', ...options })
  await server.ready
  return { port: server.address.port, stop: () => server.close('the test is over') }
}

/** `peer@1.0.2` with the stock defaults, but discovery on, and its timers shortened so that nobody waits 5 s for EXPIRE. */
export async function startTheirs(expireMs: number): Promise<Subject> {
  const options = {
    host: '127.0.0.1',
    port: 0,
    allow_discovery: true,
    expire_timeout: expireMs,
    cleanup_out_msgs: 50,
  }
  const server = await new Promise<Server>((resolve) => {
    const app = PeerServer(options, (listening) => resolve(listening as Server))
    // The stock server throws for a malformed frame where nobody listens.
    app.on('error', () => undefined)
  })
  const stop = () => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { port: (server.address() as AddressInfo).port, stop }
}

export interface Ending {
  readonly code: number
  readonly reason: string
}

/** A peer by hand: says what it is told, and keeps what it hears in order. */
export class WirePeer {
  readonly socket: WebSocket
  readonly heard: unknown[] = []
  readonly opened: Promise<unknown>
  readonly closed: Promise<Ending>
  #ending: Ending | undefined

  constructor(
    port: number,
    query: string,
    options: ClientOptions = {},
    scheme: 'ws' | 'wss' = 'ws',
    path = '/peerjs',
  ) {
    this.socket = new WebSocket(`${scheme}://127.0.0.1:${port}${path}${query}`, options)
    this.opened = new Promise((resolve) => this.socket.once('open', resolve))
    this.socket.on('message', (data) => this.heard.push(JSON.parse(String(data))))
    this.socket.on('error', () => this.socket.terminate())
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.#ending = { code, reason: String(reason) }
        resolve(this.#ending)
      })
    })
  }

  get ending(): Ending | undefined {
    return this.#ending
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
  }

  /** Resolves with the `count`th frame heard. */
  async hears(count: number): Promise<unknown> {
    while (this.heard.length < count) {
      const next = once(this.socket, 'message', { signal: AbortSignal.timeout(WAIT_MS) })
      const gone = this.closed.then((ending) => {
        throw new Error(`closed with ${ending.code} ${ending.reason} after ${JSON.stringify(this.heard)}`)
      })
      await (this.heard.length < count ? Promise.race([next, gone]) : next.catch(() => undefined))
    }
    return this.heard[count - 1]
  }

  /** Resolves when all that this peer sent so far was handled: its message to itself has come back. */
  async settles(id: string): Promise<void> {
    const isMark = (frame: unknown) => JSON.stringify(frame).includes('"mark"')
    this.send({ type: 'CANDIDATE', dst: id, payload: 'mark' })
    let seen = 0
    while (!this.heard.some(isMark)) {
      seen = this.heard.length
      await this.hears(seen + 1)
    }
    this.heard.splice(this.heard.findIndex(isMark), 1)
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export async function openPeer(
  port: number,
  id: string,
  key = 'peerjs',
  token = `token${id}`,
): Promise<WirePeer> {
  const peer = new WirePeer(port, `?key=${key}&id=${id}&token=${token}&version=1.5.5`)
  await peer.hears(1)
  return peer
}

/** Time that moves when told. */
export class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ readonly ms: number; due: number; readonly tick: () => void }>()

  now(): number {
    return this.#now
  }

  every(ms: number, tick: () => void): () => void {
    const timer = { ms, due: this.#now + ms, tick }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.due - b.due)
      if (next === undefined || next.due > end) break
      this.#now = next.due
      next.due += next.ms
      next.tick()
    }
    this.#now = end
  }
}
