import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build, type Plugin, type UserConfig } from 'vite'
import { defineConfig } from 'vitest/config'

const ROOT = import.meta.dirname
const WEB = join(ROOT, 'web')
const EXAMPLES = ['list', 'group-by', 'work']
const OUT = join(ROOT, 'dist/web')
const SANDBOX = join(WEB, 'compute/sandbox')
const SIGNALING_URL = process.env['TABMESH_SIGNALING_URL'] ?? 'http://127.0.0.1:9000'

/** In the page and in the package for pages without a bundler. */
export const NO_WEBRTC_ADAPTER = {
  find: /^webrtc-adapter$/,
  replacement: join(WEB, 'mesh/peerjs/no-webrtc-adapter.ts'),
}

/**
 * What the page loads in place of others: Preact is a tenth of React's size with the same components, hooks and types. The
 * package's hooks are React's.
 */
const LIGHTER = [
  NO_WEBRTC_ADAPTER,
  { find: /^react$/, replacement: 'preact/compat' },
  { find: /^react-dom$/, replacement: 'preact/compat' },
  { find: /^react-dom\/client$/, replacement: 'preact/compat/client' },
  { find: /^react\/(jsx-(dev-)?runtime)$/, replacement: 'preact/$1' },
]

/**
 * Modes: production (page and service worker to dist/web), `server` (dist/signaling/main.js), `fake` (the page over
 * test/support/fake-node.ts, for looking at views without a room; never part of the product). The package's are in package/.
 */
export default defineConfig(({ mode }) => {
  if (mode === 'server') return serverConfig()
  const isTest = process.env['VITEST'] !== undefined
  return {
    root: isTest ? ROOT : WEB,
    // The page is the same below whatever path a proxy puts in front of it.
    base: './',
    plugins: [
      virtualModules(),
      ...(mode === 'fake' ? [fakeNode()] : []),
      ...(isTest ? [] : [finishBuild(mode === 'fake' ? join(ROOT, 'dist/fake') : OUT)]),
    ],
    build: {
      outDir: mode === 'fake' ? join(ROOT, 'dist/fake') : OUT,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: {
        input: [join(WEB, 'index.html'), ...EXAMPLES.map((name) => join(WEB, `examples/${name}.html`))],
      },
    },
    resolve: {
      alias: [...(isTest ? [] : LIGHTER), { find: /^tabmesh$/, replacement: join(WEB, 'browser.ts') }],
    },
    optimizeDeps: { exclude: ['tabmesh'] },
    server: {
      host: '127.0.0.1',
      fs: { allow: [ROOT] },
      proxy: {
        '/peerjs': { target: SIGNALING_URL, ws: true },
        '^/[^/]+/(peers|id)(\\?|$)': { target: SIGNALING_URL },
        '^/(config|healthz|readyz|metrics)(\\?|$)': { target: SIGNALING_URL },
      },
    },
    test: {
      include: ['test/**/*.test.ts'],
      environment: 'node',
      pool: 'forks',
      maxWorkers: 2,
      testTimeout: 30_000,
    },
  }
})

function serverConfig(): UserConfig {
  return {
    root: ROOT,
    publicDir: false,
    build: {
      ssr: true,
      outDir: join(ROOT, 'dist/signaling'),
      emptyOutDir: true,
      target: 'node20',
      rolldownOptions: {
        input: { main: join(ROOT, 'signaling/main.ts'), server: join(ROOT, 'signaling/server.ts') },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  }
}

/** `virtual:guest`: the sandbox guest as one script. `virtual:sandbox-bootstrap-hash`: what the CSP must list for its bootstrap. */
export function virtualModules(): Plugin {
  const names = ['virtual:guest', 'virtual:sandbox-bootstrap-hash']
  return {
    name: 'tabmesh-virtual',
    resolveId: (id) => (names.includes(id) ? `\0${id}` : undefined),
    async load(id) {
      if (id === '\0virtual:sandbox-bootstrap-hash') {
        this.addWatchFile(join(SANDBOX, 'bootstrap.js'))
        return `export default ${JSON.stringify(bootstrapHash())}`
      }
      if (id !== '\0virtual:guest') return undefined
      const bundle = await bundleScript(join(SANDBOX, 'guest.ts'))
      for (const file of bundle.sources) this.addWatchFile(file)
      return `export default ${JSON.stringify(bundle.code)}`
    },
  }
}

/** The page gets test/support/fake-node.ts where it asks for browser.ts. */
function fakeNode(): Plugin {
  return {
    name: 'tabmesh-fake-node',
    enforce: 'pre',
    resolveId: (id, importer) =>
      id.endsWith('/browser.ts') && importer?.startsWith(WEB)
        ? join(ROOT, 'test/support/fake-node.ts')
        : undefined,
  }
}

/** After the page: its service worker with the list of files to keep, build.json for the server, compressed twins. */
function finishBuild(outDir: string): Plugin {
  return {
    name: 'tabmesh-finish-build',
    apply: 'build',
    async closeBundle(error?: Error) {
      if (error !== undefined || !existsSync(join(outDir, 'index.html'))) return
      const files = listFiles(outDir).filter((file) => !/\.(map|br|gz)$/.test(file))
      const buildId = hashOf(files.map((file) => file + hashOf(readFileSync(join(outDir, file))))).slice(
        0,
        16,
      )
      const precache = files
        .filter((file) => file !== 'index.html' && !/^(examples\/|screenshot)/.test(file))
        .map((file) => `/${file}`)
      const worker = await bundleScript(join(WEB, 'sw.ts'), {
        __BUILD_ID__: JSON.stringify(buildId),
        __PRECACHE__: JSON.stringify(['/', ...precache]),
      })
      writeFileSync(join(outDir, 'sw.js'), worker.code)
      const csp = contentSecurityPolicy(readFileSync(join(outDir, 'index.html'), 'utf8'))
      for (const file of [...files, 'sw.js']) compress(join(outDir, file))
      // Last: a server that runs takes it as the end of the build.
      writeFileSync(join(outDir, 'build.json'), `${JSON.stringify({ buildId, csp }, undefined, 2)}\n`)
    },
  }
}

/** Inline scripts of the page (the theme, before the first paint) are listed by their hashes. */
export function contentSecurityPolicy(html: string): string {
  const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((match) =>
    sha256Source(match[1] ?? ''),
  )
  const scripts = [
    "'self'",
    "'wasm-unsafe-eval'",
    `'${bootstrapHash()}'`,
    ...inline.map((hash) => `'${hash}'`),
  ]
  return [
    "default-src 'self'",
    `script-src ${scripts.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "frame-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function bootstrapHash(): string {
  return sha256Source(readFileSync(join(SANDBOX, 'bootstrap.js'), 'utf8'))
}

function sha256Source(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

/** One minified script without imports, not written to disk. */
async function bundleScript(
  entry: string,
  define: Record<string, string> = {},
): Promise<{ code: string; sources: string[] }> {
  const output = await build({
    configFile: false,
    root: WEB,
    publicDir: false,
    logLevel: 'warn',
    define,
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: { input: entry, output: { format: 'iife', codeSplitting: false } },
    },
  })
  const chunks = (Array.isArray(output) ? output : [output]).flatMap((result) =>
    'output' in result ? result.output : [],
  )
  const chunk = chunks.find((candidate) => candidate.type === 'chunk')
  if (chunk?.type !== 'chunk') throw new Error(`${entry} gave no script`)
  return { code: chunk.code, sources: Object.keys(chunk.modules).filter((file) => !file.startsWith('\0')) }
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => resolve(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

function hashOf(parts: Buffer | readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of Buffer.isBuffer(parts) ? [parts] : parts) hash.update(part)
  return hash.digest('hex')
}

/** Images that are compressed already stay as they are. */
function compress(file: string): void {
  if (!/\.(js|css|html|svg|json|webmanifest)$/.test(file)) return
  const bytes = readFileSync(file)
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
}
