import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Admission } from './admission.ts'
import type { Connections } from './connections.ts'
import type { Metrics } from './metrics.ts'
import { type Settings, withoutBase } from './options.ts'
import { isId } from './protocol.ts'
import { StaticFiles } from './static.ts'

/** Members of a key that one request may learn. */
const MAX_LISTED_PEERS = 32
/** A mail filter has made the `#` of an invite a part of path or query. What is behind the new `#` stays in the browser. */
const ESCAPED_INVITE = /%23([A-Za-z2-7]{58})(?![A-Za-z2-7])/i
const NO_UPGRADE =
  'A WebSocket was asked for without an upgrade: a proxy in between must pass the headers Upgrade and Connection on.'
/** What the stock server says at its root. */
const ABOUT = {
  name: 'PeerJS Server',
  description: 'A server side element to broker connections between PeerJS clients.',
  website: 'https://peerjs.com/',
}

/** What the routes need to know of the server as it runs. */
export interface ServerState {
  readonly isReady: boolean
  /** https address of the page on the local network, if `lan` is on. */
  readonly lanUrl: string | null
}

type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => void | Promise<void>

/** The HTTP side: the protocol's two lists, the server's own state, and the page. */
export class HttpRoutes {
  readonly #settings: Settings
  readonly #metrics: Metrics
  readonly #connections: Connections
  readonly #state: ServerState
  readonly #admission: Admission
  readonly #static: StaticFiles | undefined
  readonly #routes: ReadonlyMap<string, Answer>
  #hasToldOfUpgrade = false

  constructor(
    settings: Settings,
    metrics: Metrics,
    connections: Connections,
    admission: Admission,
    state: ServerState,
  ) {
    this.#settings = settings
    this.#metrics = metrics
    this.#connections = connections
    this.#state = state
    this.#admission = admission
    this.#static =
      settings.webDir === undefined ? undefined : new StaticFiles(settings.webDir, settings.connectSources)
    this.#routes = new Map<string, Answer>([
      ['/healthz', (_, response) => sendText(response, 200, 'ok\n')],
      ['/readyz', (_, response) => this.#answerReady(response)],
      ['/metrics', (request, response) => this.#answerMetrics(request, response)],
      ['/config', (request, response) => this.#answerConfig(request, response)],
      [`${settings.path}config`, (request, response) => this.#answerConfig(request, response)],
      [`${settings.path}peerjs`, (request, response) => this.#answerNoUpgrade(request, response)],
    ])
  }

  get hasPage(): boolean {
    return this.#static?.hasPage ?? false
  }

  /** Answers every request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#metrics.requests++
    try {
      await this.#answer(request, response)
    } catch (error) {
      this.#settings.log.error('request-failed', {
        problem: error instanceof Error ? error.message : String(error),
      })
      if (response.headersSent) response.destroy()
      else sendText(response, 500, 'internal error\n')
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (`${asked}/` === this.#settings.basePath) return sendRedirect(response, this.#settings.basePath)
    const path = withoutBase(this.#settings, asked)
    const code =
      path === '/' || path.startsWith('/%23') ? ESCAPED_INVITE.exec(request.url ?? '')?.[1] : undefined
    if (code !== undefined) return sendRedirect(response, `./#${code}`)
    if (request.method === 'OPTIONS') return this.#answerPreflight(request, response)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, OPTIONS')
      return sendText(response, 405, 'method not allowed\n')
    }
    const route = this.#routes.get(path)
    if (route !== undefined) return route(request, response, path)
    const listed = this.#parseKeyPath(path)
    if (listed !== undefined) return this.#answerKey(request, response, listed)
    if (await this.#static?.serve(path, request, response)) return
    if (path === this.#settings.path || path === '/') return sendJson(response, ABOUT)
    sendText(response, 404, 'not found\n')
  }

  /** `/:key/id` and `/:key/peers` under the protocol's path. */
  #parseKeyPath(path: string): { key: string; list: string } | undefined {
    if (!path.startsWith(this.#settings.path)) return undefined
    const [key, list, ...rest] = path.slice(this.#settings.path.length).split('/')
    if (key === undefined || (list !== 'id' && list !== 'peers') || rest.length > 0) return undefined
    return { key: decode(key), list }
  }

  #answerKey(
    request: IncomingMessage,
    response: ServerResponse,
    { key, list }: { key: string; list: string },
  ): void {
    if (!this.#admits(request, response)) return
    if (!isId(key)) sendText(response, 400, 'invalid key\n')
    else if (list === 'peers') sendJson(response, this.#connections.sample(key, MAX_LISTED_PEERS))
    // The stock server's type, with nothing in it that could be markup.
    else send(response, 200, 'text/html; charset=utf-8', this.#freeId(key))
  }

  #freeId(key: string): string {
    let id = randomUUID()
    while (this.#connections.hasPeer(key, id)) id = randomUUID()
    return id
  }

  #answerReady(response: ServerResponse): void {
    if (this.#state.isReady) sendText(response, 200, 'ready\n')
    else sendText(response, 503, 'closing\n')
  }

  #answerMetrics(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(request, response)) return
    send(
      response,
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      this.#metrics.render(this.#connections.gauges),
    )
  }

  #answerConfig(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(request, response)) return
    const { iceServers, path, publicUrl } = this.#settings
    const { lanUrl } = this.#state
    const where = { ...(path === '/' ? {} : { path }), ...(publicUrl === undefined ? {} : { publicUrl }) }
    sendJson(response, { iceServers, lanUrl, ...where })
  }

  /** A WebSocket was wanted, and what asks for one got lost on the way; or a page asks why it gets none. */
  #answerNoUpgrade(request: IncomingMessage, response: ServerResponse): void {
    const query = new URLSearchParams((request.url ?? '').split('?')[1])
    if (!this.#admits(request, response, query.get('page') ?? undefined)) return
    if (!this.#hasToldOfUpgrade && query.has('token')) {
      this.#hasToldOfUpgrade = true
      this.#settings.log.error('no-upgrade', { message: NO_UPGRADE })
    }
    response.setHeader('Upgrade', 'websocket')
    sendText(response, 426, `${NO_UPGRADE}\n`)
  }

  #answerPreflight(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(request, response)) return
    response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD')
    response.writeHead(204).end()
  }

  /** Tells a page that may read that it may; refuses another, in words for whoever runs the server. */
  #admits(request: IncomingMessage, response: ServerResponse, page?: string): boolean {
    response.setHeader('Vary', 'Origin')
    const refused = this.#admission.refusal(request, page)
    const { origin } = request.headers
    if (refused !== undefined) {
      // A page may read why it is refused; there is nothing else in the answer.
      if (refused.reason === 'origin' && origin !== undefined)
        response.setHeader('Access-Control-Allow-Origin', origin)
      sendText(response, refused.reason === 'host' ? 421 : 403, `${refused.message}\n`)
      return false
    }
    if (origin !== undefined) response.setHeader('Access-Control-Allow-Origin', origin)
    return true
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // No id has a percent sign, so the caller refuses it.
    return text
  }
}

function sendRedirect(response: ServerResponse, path: string): void {
  response.setHeader('Location', path)
  sendText(response, 308, 'moved\n')
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', text)
}

function sendJson(response: ServerResponse, value: unknown): void {
  send(response, 200, 'application/json; charset=utf-8', JSON.stringify(value))
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
