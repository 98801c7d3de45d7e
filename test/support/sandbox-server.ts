import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { build, type Plugin } from 'vite'
import { contentSecurityPolicy, virtualModules } from '../../vite.config.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE_SCRIPT = join(ROOT, 'test/support/sandbox-page.ts')
const GUEST = join(ROOT, 'web/compute/sandbox/guest.ts')

/** `unguarded` has no CSP of its own, `unpruned` a guest that takes nothing away. */
export type SandboxPath = '' | 'unguarded' | 'unpruned'

/** A page with nothing but the product's sandbox factory, under the product's CSP. */
export async function startSandboxServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const scripts: Readonly<Record<string, string>> = {
    '/page.js': await bundle(PAGE_SCRIPT, [virtualModules()]),
    '/unpruned.js': await bundle(PAGE_SCRIPT, [unprunedGuest(), takesImports(), virtualModules()]),
  }
  const pages: Readonly<Record<string, string>> = {
    '/': pageOf('page.js'),
    '/unguarded': pageOf('page.js'),
    '/unpruned': pageOf('unpruned.js'),
  }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const text = scripts[path] ?? pages[path]
    response.writeHead(text === undefined ? 404 : 200, {
      'content-type': path in scripts ? 'text/javascript' : 'text/html',
      ...(path === '/unguarded'
        ? {}
        : { 'content-security-policy': contentSecurityPolicy(pageOf('page.js')) }),
    })
    response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: urlOf(server), close: () => new Promise((resolve) => void server.close(() => resolve())) }
}

function pageOf(script: string): string {
  return `<!doctype html><title>sandbox</title><body><script src="/${script}"></script></body>`
}

/** The product's guest with a `pruneGlobals` that does nothing, so that the CSP and the origin stand alone. */
function unprunedGuest(): Plugin {
  const id = '\0virtual:guest'
  const head = 'export function pruneGlobals(): void {'
  const idle: Plugin = {
    name: 'idle-prune',
    enforce: 'pre',
    transform(code, file) {
      if (!file.endsWith('/guest-globals.ts')) return undefined
      if (!code.includes(head)) throw new Error('guest-globals.ts has no pruneGlobals to replace')
      return code.replace(head, `${head} if (Date.now() > 0) return;`)
    },
  }
  return {
    name: 'unpruned-guest',
    enforce: 'pre',
    resolveId: (name) => (name === 'virtual:guest' ? id : undefined),
    load: async (name) =>
      name === id ? `export default ${JSON.stringify(await bundle(GUEST, [idle]))}` : undefined,
  }
}

/** Texts with `import(` reach the Worker, to see what the CSP makes of them. */
function takesImports(): Plugin {
  const check = 'if (line !== undefined)'
  return {
    name: 'takes-imports',
    enforce: 'pre',
    transform(code, file) {
      if (!file.endsWith('/function-text.ts')) return undefined
      if (!code.includes(check)) throw new Error('function-text.ts has no check of import to replace')
      return code.replace(check, 'if (line !== undefined && Date.now() === 0)')
    },
  }
}

async function bundle(entry: string, plugins: readonly Plugin[]): Promise<string> {
  const output = await build({
    configFile: false,
    root: ROOT,
    publicDir: false,
    logLevel: 'warn',
    plugins: [...plugins],
    build: {
      write: false,
      minify: true,
      rolldownOptions: { input: entry, output: { format: 'iife', codeSplitting: false } },
    },
  })
  const results = (Array.isArray(output) ? output : [output]).flatMap((one) =>
    'output' in one ? one.output : [],
  )
  const chunk = results.find((one) => one.type === 'chunk')
  if (chunk?.type !== 'chunk') throw new Error(`${entry} gave no script`)
  return chunk.code
}

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}/`
}
