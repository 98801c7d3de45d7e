/**
 * `npm start`, `dev`, `signaling`, `demo`. On a fresh clone nothing is installed yet, so this uses Node's own modules only:
 * it installs what the lock file names, builds what has changed, and hands over. Flags that it does not know go on to
 * signaling/main.ts (see `npm start -- --help`) or the demo.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js')
const SERVER = join(ROOT, 'dist/signaling/main.js')

/** What is built, what it is made from, and where it is noted what it was made from. */
const BUILDS = {
  page: {
    name: 'the page',
    output: join(ROOT, 'dist/web/index.html'),
    sources: ['web', 'vite.config.ts', 'package-lock.json'],
    stamp: join(ROOT, 'dist/.page-sources'),
    args: [],
  },
  server: {
    name: 'the server',
    output: SERVER,
    sources: ['signaling', 'vite.config.ts', 'package-lock.json'],
    stamp: join(ROOT, 'dist/.server-sources'),
    args: ['--mode', 'server'],
  },
}

const args = process.argv.slice(2)
await main()

async function main() {
  process.chdir(ROOT)
  install()
  const isDev = take('--dev')
  if (take('--demo')) return demonstrate()
  if (args.includes('--help')) return serve([])
  if (isDev) return develop()
  return serve(args.includes('--signaling-only') ? [] : [BUILDS.page])
}

/** Removes a flag that is ours from the arguments, and says whether it was there. */
function take(flag) {
  const place = args.indexOf(flag)
  if (place !== -1) args.splice(place, 1)
  return place !== -1
}

async function serve(builds) {
  for (const build of [...builds, BUILDS.server]) buildIfChanged(build)
  process.argv.splice(2, Infinity, ...args)
  await import(pathToFileURL(SERVER).href)
}

async function demonstrate() {
  for (const build of [BUILDS.page, BUILDS.server]) buildIfChanged(build)
  const script = ['test/demo.mjs', 'test/demo.ts'].find((file) => existsSync(join(ROOT, file)))
  if (script === undefined) fail('There is no demo in test/.')
  await runSource(script, args)
}

/** Vite with hot reload, which passes the server's own paths on to the signaling server beside it. */
async function develop() {
  const host = flagValue('--host') || '127.0.0.1'
  const port = flagValue('--port') || '9000'
  process.env.TABMESH_SIGNALING_URL = `http://${host}:${port}`
  const { createServer } = await import('vite')
  const vite = await createServer({ configFile: join(ROOT, 'vite.config.ts') })
  await vite.listen()
  const origin = new URL(vite.resolvedUrls.local[0]).origin
  const trusted = [origin, origin.replace('127.0.0.1', 'localhost')].flatMap((one) => ['--trust-origin', one])
  await runSource('signaling/main.ts', ['--signaling-only', ...trusted, ...args])
  // The server has said why it does not run. Vite alone would look as if it did.
  if (process.exitCode) return vite.close()
  vite.printUrls()
}

/** The value of a flag that is also passed on, or of its variable. */
function flagValue(flag) {
  const joined = args.find((arg) => arg.startsWith(`${flag}=`))
  if (joined !== undefined) return joined.slice(flag.length + 1)
  const place = args.indexOf(flag)
  return place === -1 ? process.env[`TABMESH_${flag.slice(2).toUpperCase()}`] : args[place + 1]
}

/** Goes on in this process, so that a signal ends everything once. */
async function runSource(script, scriptArgs) {
  const { register } = await import('tsx/esm/api')
  register()
  process.argv.splice(1, Infinity, join(ROOT, script), ...scriptArgs)
  await import(pathToFileURL(join(ROOT, script)).href)
}

function install() {
  const lock = join(ROOT, 'package-lock.json')
  const installed = join(ROOT, 'node_modules/.package-lock.json')
  const stamp = join(ROOT, 'node_modules/.tabmesh-lock')
  const wanted = hashOf([lock])
  if (existsSync(installed) && isInstalled(stamp, wanted, lock, installed)) return
  say('Installing what Tabmesh needs (once) ...')
  const npm = process.env.npm_execpath
  const npmArgs = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const isWindows = process.platform === 'win32'
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...npmArgs], { cwd: ROOT, stdio: 'inherit' })
    : spawnSync('npm', npmArgs, { cwd: ROOT, stdio: 'inherit', shell: isWindows })
  if (result.status !== 0)
    fail('npm ci failed; see above for why (often: the package registry cannot be reached).')
  writeFileSync(stamp, wanted)
}

/** By our note of the lock file that was installed; without one by the age of npm's. */
function isInstalled(stamp, wanted, lock, installed) {
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === wanted
  return statSync(installed).mtimeMs >= statSync(lock).mtimeMs
}

function buildIfChanged({ name, output, sources, stamp, args: modeArgs }) {
  const files = sources.flatMap((source) => listFiles(join(ROOT, source)))
  const wanted = hashOf(files)
  if (existsSync(output) && isBuilt(output, stamp, wanted, files)) return
  say(`Building ${name} ...`)
  const viteArgs = [
    VITE,
    'build',
    '--config',
    join(ROOT, 'vite.config.ts'),
    '--logLevel',
    'warn',
    ...modeArgs,
  ]
  const result = spawnSync(process.execPath, viteArgs, { cwd: ROOT, stdio: 'inherit' })
  if (result.status !== 0) fail(`Building ${name} failed; see above.`)
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

/** By our note of the sources; where `npm run build` has built since, or we never have, by the age of the files. */
function isBuilt(output, stamp, wanted, files) {
  const builtMs = statSync(output).mtimeMs
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= builtMs) return readFileSync(stamp, 'utf8') === wanted
  return files.every((file) => statSync(file).mtimeMs <= builtMs)
}

function listFiles(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const bytes = readFileSync(file)
    hash.update(`${file.slice(ROOT.length)}\n${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(line) {
  say(line)
  process.exit(1)
}
