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
const ENDINGS = { br: '.br', gzip: '.gz' } as const

interface File {
  readonly path: string
  readonly type: string
  readonly isCompressible: boolean
  readonly isHashed: boolean
  readonly etag: string
  readonly bodies: Map<Encoding, Buffer | Promise<Buffer>>
}

/** One build, whole and in memory, so that it is served on while the next one empties its folder. */
interface Build {
  readonly stamp: string
  readonly files: ReadonlyMap<string, File>
  readonly csp: string
}

const NO_BUILD: Build = { stamp: '', files: new Map(), csp: DEFAULT_CSP }

/**
 * The built app. Only files that are listed in its folder are served, so no name can lead out of it. Where the build has no
 * compressed twin, a body is compressed once. A rebuilt folder is noticed when the build has finished; the hashed files of
 * the build before stay, for pages that are open.
 */
export class StaticFiles {
  readonly #folder: string
  readonly #connectSources: readonly string[]
  #build = NO_BUILD
  #before = NO_BUILD

  constructor(folder: string, connectSources: readonly string[]) {
    this.#folder = folder
    this.#connectSources = connectSources
    this.#refresh()
  }

  get hasPage(): boolean {
    this.#refresh()
    return this.#build.files.has('/index.html')
  }

  /** Answers if there is such a file; the caller has seen to the method. */
  async serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    this.#refresh()
    if (this.#find(`${path}/index.html`) !== undefined && !path.endsWith('/')) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      response.writeHead(308, { Location: `./${name}/` }).end()
      return true
    }
    const file = this.#find(path.endsWith('/') ? `${path}index.html` : path)
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

  #find(path: string): File | undefined {
    const file = this.#build.files.get(path)
    if (file !== undefined) return file
    const old = this.#before.files.get(path)
    return old?.isHashed ? old : undefined
  }

  #writeHeaders(file: File, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
    response.setHeader('Cache-Control', file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    response.setHeader('ETag', file.etag)
    if (file.isCompressible) response.setHeader('Vary', 'Accept-Encoding')
    if (file.path.endsWith('.html')) response.setHeader('Content-Security-Policy', this.#build.csp)
  }

  #body(file: File, encoding: Encoding): Buffer | Promise<Buffer> {
    const known = file.bodies.get(encoding)
    if (known !== undefined) return known
    const body = compress(file.bodies.get('identity') as Buffer, encoding)
    file.bodies.set(encoding, body)
    return body
  }

  /** A build removes everything first, and writes build.json last. */
  #refresh(): void {
    const stamp = ['index.html', 'build.json']
      .map((name) => statSync(join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs)
      .join(' ')
    if (stamp === this.#build.stamp || stamp.startsWith(' ')) return
    if (this.#build !== NO_BUILD && stamp.endsWith(' ')) return
    try {
      const files = readFiles(this.#folder)
      const csp = withConnectSources(readCsp(this.#folder), this.#connectSources)
      this.#before = this.#build
      this.#build = { stamp, files, csp }
    } catch {
      // A build has just begun to empty the folder: what was read before is served until it has finished.
    }
  }
}

async function compress(plain: Buffer, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'gzip') return promisify(gzip)(plain)
  return promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
}

function readFiles(folder: string): Map<string, File> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(br|gz|map)$/.test(entry.name))
    .map((entry) => readFile(folder, entry))
    .filter(([path]) => path !== '/build.json')
  return new Map(files)
}

function readFile(folder: string, entry: Dirent): [string, File] {
  const path = join(entry.parentPath, entry.name)
  const name = `/${relative(folder, path).split(sep).join('/')}`
  const { size, mtimeMs } = statSync(path)
  const extension = extname(entry.name)
  const file: File = {
    path,
    type: TYPES[extension] ?? 'application/octet-stream',
    isCompressible: COMPRESSIBLE.has(extension) && size >= COMPRESS_FROM_BYTES,
    isHashed: name.startsWith('/assets/'),
    etag: `W/"${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}"`,
    bodies: new Map([['identity', readFileSync(path)]]),
  }
  if (!file.isCompressible) return [name, file]
  for (const encoding of ['br', 'gzip'] as const) {
    const twin = statSync(path + ENDINGS[encoding], { throwIfNoEntry: false })
    if (twin !== undefined && twin.mtimeMs >= mtimeMs)
      file.bodies.set(encoding, readFileSync(path + ENDINGS[encoding]))
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
