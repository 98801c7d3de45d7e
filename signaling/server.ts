/**
 * The signaling server, alone or on a server that is there.
 * @module tabmesh/server
 */
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer, Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { lanAddresses } from './addresses.ts'
import { Admission } from './admission.ts'
import { type Certificate, readCertificate, selfSignedCertificate } from './certificate.ts'
import { Connections } from './connections.ts'
import { SignalingError } from './errors.ts'
import { HttpRoutes } from './http.ts'
import { Metrics } from './metrics.ts'
import { type HostServer, mountBelow } from './mount.ts'
import { resolveOptions, type Settings, type SignalingOptions } from './options.ts'
import { WaitingSockets } from './waiting-sockets.ts'

export { SignalingError, type SignalingErrorCode } from './errors.ts'
export type { IceServer, Limits, SignalingOptions } from './options.ts'

export interface SignalingAddress {
  readonly host: string
  readonly port: number
  /** Address of the page for this machine, without a final slash. */
  readonly url: string
  /** https address for the local network, if `lan` is on and there is one. */
  readonly lanUrl: string | null
}

export interface SignalingServer {
  /** Settles when the server listens, or rejects with a `SignalingError` that says what to do. */
  readonly ready: Promise<void>
  /** Throws `not-listening` before `ready`. */
  readonly address: SignalingAddress
  /** Whether there is a built page to serve. */
  readonly hasPage: boolean
  /** Tells every peer why (1001), waits a bounded time for them, and stops. Idempotent. */
  close(reason?: string): Promise<void>
}

const MAX_HEADER_BYTES = 8_192
const KEEP_ALIVE_MS = 5_000
/** How often Node looks for requests that take too long; its default of 30 s would make `headerMs` meaningless. */
const CHECK_MS = 1_000

/**
 * Starts at once, or mounts itself on `options.server`; await `ready`. Throws a `bad-option` `SignalingError`. A page reaches a
 * mounted one by `joinRoom({ signalingUrl: '/tabmesh/' })` with the path that it has.
 */
export function createSignalingServer(options: SignalingOptions = {}): SignalingServer {
  return new NodeSignalingServer(resolveOptions(options))
}

class NodeSignalingServer implements SignalingServer {
  readonly ready: Promise<void>
  readonly #settings: Settings
  readonly #metrics = new Metrics()
  readonly #connections: Connections
  readonly #admission: Admission
  readonly #routes: HttpRoutes
  readonly #waiting: WaitingSockets
  readonly #servers: Server[] = []
  /** Given back to the server that this one is mounted on. */
  #unmount: (() => void) | undefined
  #address: SignalingAddress | undefined
  #closing: Promise<void> | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#admission = new Admission(settings, this.#metrics)
    this.#connections = new Connections(settings, this.#metrics, this.#admission)
    this.#waiting = new WaitingSockets(settings.limits.waitingSockets, () => this.#metrics.refuse('crowd'))
    const isReady = () => this.#closing === undefined && this.#address !== undefined
    const lanUrl = () => this.#address?.lanUrl ?? null
    this.#routes = new HttpRoutes(settings, this.#metrics, this.#connections, this.#admission, {
      get isReady() {
        return isReady()
      },
      get lanUrl() {
        return lanUrl()
      },
    })
    this.ready = this.#start()
    // Whoever awaits it hears of it; whoever does not must not crash for it.
    this.ready.catch(() => undefined)
  }

  get address(): SignalingAddress {
    if (this.#address === undefined)
      throw new SignalingError('not-listening', 'The server does not listen yet: await ready.')
    return this.#address
  }

  get hasPage(): boolean {
    return this.#routes.hasPage
  }

  close(reason = 'the server is closing'): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  async #start(): Promise<void> {
    const { server } = this.#settings
    try {
      await (server === undefined ? this.#listen() : this.#mount(server))
    } catch (error) {
      await this.close('the server could not start')
      throw error
    }
  }

  async #listen(): Promise<void> {
    const { host, port, lan, lanPort, certificateFiles, log } = this.#settings
    const addresses = lanAddresses()
    const own = certificateFiles === undefined ? undefined : readCertificate(certificateFiles)
    if (own !== undefined) this.#useCertificate(own)
    const main = await this.#open('--port', host, port, lan ? undefined : own)
    let lanUrl: string | null = null
    if (lan) {
      const certificate = own ?? (await selfSignedCertificate(addresses))
      const secure = await this.#open('--lan-port', '0.0.0.0', lanPort, certificate)
      if (addresses[0] !== undefined) lanUrl = `https://${addresses[0]}:${secure.port}`
    }
    const scheme = !lan && own !== undefined ? 'https' : 'http'
    this.#address = { host, port: main.port, url: `${scheme}://${nameOf(host)}:${main.port}`, lanUrl }
    log.info('listening', { host, port: main.port, lanUrl })
  }

  async #mount(server: HostServer): Promise<void> {
    const { path, log } = this.#settings
    this.#unmount = mountBelow(path, server, {
      request: (request, response) => void this.#routes.handle(request, response),
      upgrade: (request, socket, head) => this.#connections.upgrade(request, socket, head),
    })
    await listening(server)
    this.#address = addressOf(server, path)
    log.info('mounted', { path, url: this.#address.url })
  }

  #useCertificate({ names, expiresAt }: Certificate): void {
    this.#admission.answersTo(names)
    if (expiresAt > Date.now()) return
    const message = `The certificate has expired on ${new Date(expiresAt).toISOString()}: browsers refuse it.`
    this.#settings.log.error('certificate-expired', { message })
  }

  #open(
    flag: string,
    host: string,
    port: number,
    certificate: Certificate | undefined,
  ): Promise<AddressInfo> {
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: this.#settings.limits.headerMs,
      requestTimeout: this.#settings.limits.headerMs * 2,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    }
    const server =
      certificate === undefined
        ? createHttpServer(options)
        : createHttpsServer({ ...options, cert: certificate.cert, key: certificate.key })
    this.#servers.push(server)
    this.#serve(server, certificate === undefined ? 'connection' : 'secureConnection')
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, flag, host, port)))
      server.listen(port, host, () => {
        server.on('error', (error) => this.#settings.log.error('server-error', { problem: error.message }))
        resolve(server.address() as AddressInfo)
      })
    })
  }

  #serve(server: Server, opened: 'connection' | 'secureConnection'): void {
    const waiting = this.#waiting
    const forget = function forget(this: Socket) {
      waiting.delete(this)
    }
    server.on(opened, (socket: Socket) => {
      waiting.touch(socket)
      socket.on('close', forget)
    })
    server.on('request', (request, response) => {
      waiting.touch(request.socket)
      void this.#routes.handle(request, response)
    })
    server.on('upgrade', (request, socket, head) => {
      request.socket.removeListener('close', forget)
      waiting.delete(request.socket)
      this.#connections.upgrade(request, socket, head)
    })
  }

  async #close(reason: string): Promise<void> {
    // What could not start is said by the error alone.
    const log = this.#address === undefined ? undefined : this.#settings.log
    log?.info('closing', { reason, peers: this.#connections.gauges.peers })
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    )
    await this.#connections.close(reason)
    this.#unmount?.()
    for (const server of this.#servers) server.closeAllConnections()
    await Promise.all(closed)
    log?.info('closed')
  }
}

/** Rejects where the server that this one is mounted on does not come to listen. */
function listening(server: HostServer): Promise<void> {
  if (server.listening) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const fail = (cause?: Error) =>
      reject(
        new SignalingError('listen-failed', 'The server that signaling is mounted on does not listen.', {
          cause,
        }),
      )
    server.once('listening', resolve)
    server.once('error', fail)
    server.once('close', fail)
  })
}

/** Of a server on a pipe the host is the pipe's path and the port 0. */
function addressOf(server: HostServer, path: string): SignalingAddress {
  const address = server.address()
  const { address: host, port } =
    typeof address === 'object' && address !== null ? address : { address: address ?? '', port: 0 }
  const scheme = server instanceof SecureServer ? 'https' : 'http'
  return { host, port, url: `${scheme}://${nameOf(host)}:${port}${path.replace(/\/$/, '')}`, lanUrl: null }
}

/** The name under which the page's own storage is kept is `localhost`, however the server was bound on this machine. */
function nameOf(host: string): string {
  if (['127.0.0.1', '::1', '0.0.0.0', '::', ''].includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

function listenError(error: NodeJS.ErrnoException, flag: string, host: string, port: number): SignalingError {
  const say = (code: 'port-taken' | 'listen-failed', message: string) =>
    new SignalingError(code, message, { cause: error })
  // The port below where there is none above.
  const other = `choose another with ${flag} ${port < 65_535 ? port + 1 : port - 1}`
  switch (error.code) {
    case 'EADDRINUSE':
      return say('port-taken', `Port ${port} on ${host} is in use. Stop what uses it, or ${other}`)
    case 'EACCES':
      return say(
        'listen-failed',
        `Port ${port} is only for programs with more rights. Put a proxy in front, or choose one from 1024 on with ${flag} 9000`,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say('listen-failed', `${host} is no address of this machine. --host names one to listen on.`)
    default:
      return say('listen-failed', `Could not listen on ${host}:${port}: ${error.message}.`)
  }
}
