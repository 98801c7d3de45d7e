import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from './clock.ts'
import { SignalingError } from './errors.ts'
import { hostNameOf } from './hosts.ts'
import { createLog, LOG_LEVELS, type Log, type LogLevel } from './log.ts'
import type { HostServer } from './mount.ts'

/** What the page hands to RTCPeerConnection. */
export interface IceServer {
  readonly urls: string
  readonly username?: string
  readonly credential?: string
}

export interface Limits {
  /** Registered peers in all. Default 20,000. */
  readonly peers: number
  /** Registered peers of one key. Default 5,000, the stock server's limit for its only key. */
  readonly peersPerKey: number
  /** WebSockets from one address. Default 512; raise it behind a proxy, or set `trustProxy`. */
  readonly peersPerAddress: number
  /** Sockets that have not become WebSockets; the longest idle one makes place. Default 1,024, above the accept backlog. */
  readonly waitingSockets: number
  /** A larger frame closes the connection with 1009. Default 64 KiB, as wt-tracker. */
  readonly frameBytes: number
  /** Each whole KiB of a frame counts as one more. */
  readonly framesPerSecond: number
  readonly frameBurst: number
  /** What one reader may have unread; frames over 4 KiB may fill half of it. Default 1 MiB. */
  readonly bufferedBytes: number
  /** For each absent peer and for each sender. */
  readonly pendingMessages: number
  readonly pendingBytes: number
  readonly pendingTotalBytes: number
  readonly pendingMs: number
  /** Each connection is pinged this often, and ended after missing three pings. */
  readonly pingMs: number
  /** For the head of a request, of at most 8 KiB. */
  readonly headerMs: number
  /** How long closing waits for the peers to answer. */
  readonly drainMs: number
}

const MAX_TIMER_MS = 2 ** 31 - 1

export const DEFAULT_LIMITS: Limits = {
  peers: 20_000,
  peersPerKey: 5_000,
  peersPerAddress: 512,
  waitingSockets: 1_024,
  frameBytes: 65_536,
  framesPerSecond: 50,
  frameBurst: 300,
  bufferedBytes: 1_048_576,
  pendingMessages: 32,
  pendingBytes: 65_536,
  pendingTotalBytes: 16_777_216,
  pendingMs: 5_000,
  pingMs: 20_000,
  headerMs: 5_000,
  drainMs: 2_000,
}

export interface SignalingOptions {
  /**
   * A server that is there already (`node:http`, or `httpServer` of Vite's): signaling takes what is asked for below `path`
   * and leaves the rest to it. Its own request listener has to be set before. It is not closed with signaling. Default none.
   */
  readonly server?: HostServer
  /** Address to listen on. Default 127.0.0.1; with `lan` 0.0.0.0. */
  readonly host?: string
  /** Default 9000; 0 takes any free port. */
  readonly port?: number
  /** Where the protocol lives: `<path>peerjs` and `<path>:key/id`. Default `/`; with `server` `/tabmesh/`. */
  readonly path?: string
  /**
   * Where browsers find the page when a proxy is in front: its origin may use the server, its name is answered to, and its
   * path is taken off what is asked for, if the proxy has not done so. Default none.
   */
  readonly publicUrl?: string
  /** Names that the server answers to beside addresses, localhost and those of the other options; `*.name`, or `*` for any. */
  readonly allowedHosts?: readonly string[]
  /** Also https on all addresses of this machine. Default false. */
  readonly lan?: boolean
  /** Default: the port after `port`; any free one where `port` is 0. */
  readonly lanPort?: number
  /** PEM files. With `lan` for the LAN's https, else for the only port. Default: self-signed with `lan`, else plain http. */
  readonly certFile?: string
  readonly keyFile?: string
  /** Origins whose pages may use this server beside its own; `*` is any. */
  readonly trustedOrigins?: readonly string[]
  /** What the page gets from `/config`. Default none. */
  readonly iceServers?: readonly IceServer[]
  /** Further sources for the page's `connect-src`. */
  readonly connectSources?: readonly string[]
  /** Folder of the built app, `null` for none. Default `dist/web`; with `server` none. */
  readonly webDir?: string | null
  /** Takes the peer's address from the last entry of X-Forwarded-For. Default false. */
  readonly trustProxy?: boolean
  /** Default `info`. */
  readonly log?: LogLevel
  readonly limits?: Partial<Limits>
  readonly clock?: Clock
  /** [0, 1), for the sample of a key's peers. */
  readonly random?: () => number
}

/** Options with every default in its place. */
export interface Settings {
  readonly server: HostServer | undefined
  readonly host: string
  readonly port: number
  readonly path: string
  /** With a slash at both ends. */
  readonly basePath: string
  readonly publicUrl: string | undefined
  readonly allowedHosts: readonly string[]
  readonly lan: boolean
  readonly lanPort: number
  readonly certificateFiles: { readonly cert: string; readonly key: string } | undefined
  readonly trustedOrigins: readonly string[]
  readonly iceServers: readonly IceServer[]
  readonly connectSources: readonly string[]
  readonly webDir: string | undefined
  readonly trustProxy: boolean
  readonly limits: Limits
  readonly log: Log
  readonly clock: Clock
  readonly random: () => number
}

/** Fills in defaults; throws a `bad-option` that names the option. */
export function resolveOptions(options: SignalingOptions = {}): Settings {
  const { server } = options
  if (server !== undefined) checkMounted(server, options)
  const port = checkPort('port', options.port ?? 9000)
  const lan = options.lan ?? false
  if (options.lanPort !== undefined && !lan) throw bad('lanPort', 'needs --lan (lan)')
  const lanPort = checkPort('lanPort', options.lanPort ?? (port === 0 ? 0 : port + 1))
  if (lan && lanPort === port && port !== 0) throw bad('lanPort', `is the same as port (${port})`)
  const level = options.log ?? 'info'
  if (!LOG_LEVELS.includes(level)) throw bad('log', `is one of ${LOG_LEVELS.join(', ')}`)
  const host = checkHost(options.host ?? (lan ? '0.0.0.0' : '127.0.0.1'))
  const publicUrl = options.publicUrl === undefined ? undefined : checkPublicUrl(options.publicUrl)
  const trustedOrigins = (options.trustedOrigins ?? []).map(checkOrigin)
  const origins = publicUrl === undefined ? trustedOrigins : [...trustedOrigins, publicUrl.origin]
  return {
    server,
    host,
    port,
    basePath: publicUrl?.pathname ?? '/',
    publicUrl: publicUrl?.href,
    allowedHosts: [
      host,
      ...(options.allowedHosts ?? []).map(checkAllowedHost),
      ...origins.map((origin) => (origin === '*' ? '*' : new URL(origin).hostname)),
    ],
    path: checkPath(options.path ?? (server === undefined ? '/' : MOUNTED_PATH)),
    lan,
    lanPort,
    certificateFiles: checkFiles(options),
    trustedOrigins: origins,
    iceServers: (options.iceServers ?? []).map(checkIceServer),
    connectSources: (options.connectSources ?? []).map(checkSource),
    webDir: server === undefined ? webFolder(options.webDir) : undefined,
    trustProxy: options.trustProxy ?? false,
    limits: checkLimits(options.limits ?? {}),
    log: createLog(level, (line) => process.stderr.write(line)),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}

/** Below a server of somebody else's the root is taken. */
const MOUNTED_PATH = '/tabmesh/'
/** What the server that is there decides itself. */
const OF_THE_HOST = ['host', 'port', 'lan', 'lanPort', 'certFile', 'keyFile', 'webDir'] as const

function checkMounted(server: HostServer, options: SignalingOptions): void {
  if (typeof server?.listeners !== 'function' || typeof server.address !== 'function')
    throw bad('server', 'is a server of node:http or node:https')
  const other = OF_THE_HOST.find((name) => options[name] !== undefined && options[name] !== null)
  if (other !== undefined) throw bad(other, 'is decided by the server that signaling is mounted on (server)')
  if (options.path !== undefined && checkPath(options.path) === '/')
    throw bad(
      'path',
      'is a folder of its own where signaling is mounted on a server (server), like /tabmesh/',
    )
}

function webFolder(folder: string | null | undefined): string | undefined {
  return folder === null ? undefined : resolve(folder ?? join(projectFolder(), 'dist/web'))
}

/** The nearest folder above this file, or above its built form, that has a package.json. */
export function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

/** As they are written on the command line, where that is another word. */
const FLAG_OF: Readonly<Record<string, string>> = {
  certFile: '--cert',
  keyFile: '--key',
  lanPort: '--lan-port',
  publicUrl: '--public-url',
  allowedHosts: '--allow-host',
  trustedOrigins: '--trust-origin',
  iceServers: '--ice',
  connectSources: '--connect-src',
  'limits.peers': '--max-peers',
  'limits.peersPerKey': '--max-peers-per-key',
  'limits.peersPerAddress': '--max-per-address',
  'limits.frameBytes': '--max-frame-bytes',
  'limits.framesPerSecond': '--frames-per-second',
}

function bad(name: string, problem: string): SignalingError {
  const flag = FLAG_OF[name]
  return new SignalingError('bad-option', `${flag === undefined ? name : `${flag} (${name})`} ${problem}.`)
}

function checkPort(name: string, port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw bad(name, 'is a whole number from 0 to 65535')
  return port
}

/** What is asked for below the base path, as if the server were at the root. */
export function withoutBase({ basePath }: Pick<Settings, 'basePath'>, path: string): string {
  return path.startsWith(basePath) ? path.slice(basePath.length - 1) : path
}

const MAX_PATH_CHARACTERS = 256

/** Every segment begins with its slash, so that there is one way to match and the time is linear. */
function checkPath(path: string): string {
  const isPath = path.length <= MAX_PATH_CHARACTERS && /^(?:\/[A-Za-z0-9._~-]+)*\/?$/.test(path)
  if (!isPath || path === '' || /\/\.{1,2}(?:\/|$)/.test(path))
    throw bad('path', 'starts with / and has letters, digits, . _ ~ - only')
  return path.endsWith('/') ? path : `${path}/`
}

function checkHost(host: string): string {
  if (!/^[A-Za-z0-9._:%-]+$/.test(host))
    throw bad('host', `is ${JSON.stringify(host)}; it is an address to listen on, 0.0.0.0 for all`)
  return host
}

function checkPublicUrl(text: string): URL {
  const problem = `is ${JSON.stringify(text)}; it looks like https://example.org:8443/path/`
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) throw bad('publicUrl', problem)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw bad('publicUrl', problem)
  url.pathname = checkPath(url.pathname)
  return url
}

function checkAllowedHost(name: string): string {
  if (name !== '*' && !/^(?:\*\.)?[A-Za-z0-9.-]+$/.test(hostNameOf(name)))
    throw bad('allowedHosts', `has ${JSON.stringify(name)}; it is a name like mesh.example.org`)
  return name
}

function checkFiles(options: SignalingOptions): Settings['certificateFiles'] {
  const { certFile, keyFile } = options
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined) throw bad('keyFile', 'needs --cert (certFile)')
  if (keyFile === undefined) throw bad('certFile', 'needs --key (keyFile)')
  return { cert: resolve(certFile), key: resolve(keyFile) }
}

function checkOrigin(origin: string): string {
  if (origin === '*') return origin
  if (!URL.canParse(origin) || new URL(origin).origin === 'null') {
    throw bad(
      'trustedOrigins',
      `has ${JSON.stringify(origin)}; an origin looks like https://example.org:8443`,
    )
  }
  return new URL(origin).origin
}

function checkIceServer(server: IceServer): IceServer {
  if (!/^(stuns?|turns?):\S+$/.test(server.urls)) {
    throw bad(
      'iceServers',
      `has ${JSON.stringify(server.urls)}; it starts with stun:, stuns:, turn: or turns:`,
    )
  }
  if (server.urls.startsWith('turn') && (server.username === undefined || server.credential === undefined)) {
    throw bad('iceServers', `has ${server.urls} without user name and credential`)
  }
  return server
}

function checkSource(source: string): string {
  if (!/^[^\s;,]+$/.test(source))
    throw bad('connectSources', `has ${JSON.stringify(source)}, which is no source expression`)
  return source
}

function checkLimits(given: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value > 0)) throw bad(`limits.${name}`, 'is a number above 0')
    // A timer of Node that is longer fires at once.
    if (value > (name.endsWith('Ms') ? MAX_TIMER_MS : Number.MAX_SAFE_INTEGER))
      throw bad(`limits.${name}`, `is too large (${value})`)
  }
  return limits
}
