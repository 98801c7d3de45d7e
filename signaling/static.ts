import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.csv': 'text/csv; charset=utf-8',
}
const COMPRESSIBLE = new Set([
  '.html',
  '.js',
  '.css',
  '.json',
  '.webmanifest',
  '.svg',
  '.txt',
  '.wasm',
  '.csv',
])
/** Smaller files gain nothing. */
const COMPRESS_FROM_BYTES = 1_024
const BROTLI_QUALITY = 9
const DEFAULT_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

type Encoding = 'br' | 'gzip' | 'identity'
const ENDINGS: Readonly<Record<Encoding, string>> = { br: '.br', gzip: '.gz', identity: '' }

interface File {
  readonly path: string
  readonly type: string
  readonly isCompressible: boolean
  readonly isHashed: boolean
  readonly modifiedMs: number
  readonly etag: string
  readonly bodies: Map<Encoding, Promise<Buffer>>
}

/**
 * The built app. Only files that are listed in its folder are served, so no name can lead out of it. Bodies are read and,
 * where the build has no compressed twin, compressed once. A rebuilt folder is noticed.
 */
export class StaticFiles {
  readonly #folder: string
  readonly #connectSources: readonly string[]
  #files = new Map<string, File>()
  #builtMs = 0
  #csp = DEFAULT_CSP

  constructor(folder: string, connectSources: readonly string[]) {
    this.#folder = folder
    this.#connectSources = connectSources
    this.#refresh()
  }

  get hasPage(): boolean {
    this.#refresh()
    return this.#files.has('/index.html')
  }

  /** Answers if there is such a file; the caller has seen to the method. */
  async serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    this.#refresh()
    const file = this.#files.get(path === '/' ? '/index.html' : path)
    if (file === undefined) return false
    this.#writeHeaders(file, response)
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304).end()
      return true
    }
    const encoding = file.isCompressible ? chooseEncoding(request.headers['accept-encoding']) : 'identity'
    const body = await this.#body(file, encoding)
    if (encoding !== 'identity') response.setHeader('Content-Encoding', encoding)
    response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
    return true
  }

  #writeHeaders(file: File, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
    response.setHeader('Cache-Control', file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    response.setHeader('ETag', file.etag)
    if (file.isCompressible) response.setHeader('Vary', 'Accept-Encoding')
    if (file.path.endsWith('.html')) response.setHeader('Content-Security-Policy', this.#csp)
  }

  #body(file: File, encoding: Encoding): Promise<Buffer> {
    const known = file.bodies.get(encoding)
    if (known !== undefined) return known
    const body = this.#readBody(file, encoding)
    file.bodies.set(encoding, body)
    body.catch(() => file.bodies.delete(encoding))
    return body
  }

  async #readBody(file: File, encoding: Encoding): Promise<Buffer> {
    const twin = `${file.path}${ENDINGS[encoding]}`
    const modifiedMs = statSync(twin, { throwIfNoEntry: false })?.mtimeMs
    if (modifiedMs !== undefined && modifiedMs >= file.modifiedMs) return readFileSync(twin)
    const plain = readFileSync(file.path)
    if (encoding === 'gzip') return promisify(gzip)(plain)
    return promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
  }

  /** A build writes index.html anew. */
  #refresh(): void {
    const builtMs = statSync(join(this.#folder, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (builtMs === this.#builtMs) return
    this.#builtMs = builtMs
    this.#files = builtMs === 0 ? new Map() : listFiles(this.#folder)
    this.#csp = withConnectSources(readCsp(this.#folder), this.#connectSources)
  }
}

function listFiles(folder: string): Map<string, File> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(br|gz|map)$/.test(entry.name))
    .map((entry) => describe(folder, entry))
    .filter(([path]) => path !== '/build.json')
  return new Map(files)
}

function describe(folder: string, entry: Dirent): [string, File] {
  const path = join(entry.parentPath, entry.name)
  const name = `/${relative(folder, path).split(sep).join('/')}`
  const { size, mtimeMs } = statSync(path)
  const extension = extname(entry.name)
  const file: File = {
    path,
    type: TYPES[extension] ?? 'application/octet-stream',
    isCompressible: COMPRESSIBLE.has(extension) && size >= COMPRESS_FROM_BYTES,
    isHashed: name.startsWith('/assets/'),
    modifiedMs: mtimeMs,
    etag: `W/"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`,
    bodies: new Map(),
  }
  return [name, file]
}

function readCsp(folder: string): string {
  try {
    const build: unknown = JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8'))
    const isSet =
      typeof build === 'object' && build !== null && 'csp' in build && typeof build.csp === 'string'
    return isSet ? String(build.csp) : DEFAULT_CSP
  } catch {
    // Not there or damaged: the strict default holds.
    return DEFAULT_CSP
  }
}

function withConnectSources(csp: string, sources: readonly string[]): string {
  if (sources.length === 0) return csp
  const directives = csp.split(';').map((directive) => directive.trim())
  const isConnect = (directive: string) => directive.startsWith('connect-src ')
  const extended = directives.map((directive) =>
    isConnect(directive) ? [directive, ...sources].join(' ') : directive,
  )
  return (
    directives.some(isConnect) ? extended : [...directives, `connect-src 'self' ${sources.join(' ')}`]
  ).join('; ')
}

/** Brotli before gzip; a weight of 0 means no. */
function chooseEncoding(accepted: string | string[] | undefined): Encoding {
  const offers = String(accepted ?? '').split(',')
  const takes = (name: string) =>
    offers.some((offer) => {
      const [coding = '', weight = 'q=1'] = offer.split(';').map((part) => part.trim())
      return coding === name && !/^q=0(\.0*)?$/.test(weight)
    })
  if (takes('br')) return 'br'
  return takes('gzip') ? 'gzip' : 'identity'
}
