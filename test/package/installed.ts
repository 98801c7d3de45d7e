import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const TEMPLATE = join(import.meta.dirname, 'app')
/** What a fresh project has beside us, in the versions that we use ourselves. */
const BESIDE = [
  'react',
  'react-dom',
  'vite',
  '@vitejs/plugin-react',
  'typescript',
  'typescript-7',
  '@types/react',
  '@types/react-dom',
  '@types/node',
]

export interface Installed {
  readonly folder: string
  /** What Vite has built of it, without a setting of ours, with `plain.html` beside it. */
  readonly built: string
}

const execute = promisify(execFile)
/** With the packages of the registry on their way. */
export const INSTALL_MS = 180_000
const STARTED = /https?:\/\/localhost:\d+/

/**
 * A folder outside of the repository with the app of `app/`, into which our tarball is installed as a stranger would. Made once
 * for each state of the tarball.
 */
export async function installedApp(): Promise<Installed> {
  const tarball = await pack()
  const hash = createHash('sha256').update(readFileSync(tarball))
  for (const file of readdirSync(TEMPLATE, { recursive: true, withFileTypes: true }))
    if (file.isFile()) hash.update(readFileSync(join(file.parentPath, file.name)))
  const folder = join(tmpdir(), `tabmesh-installed-${hash.digest('hex').slice(0, 16)}`)
  const installed = { folder, built: join(folder, 'dist') }
  if (existsSync(folder)) return installed
  const unfinished = `${folder}.${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  cpSync(TEMPLATE, unfinished, { recursive: true })
  writeFileSync(join(unfinished, 'package.json'), JSON.stringify(manifest(tarball), undefined, 2))
  await run(unfinished, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'])
  await run(unfinished, 'node', ['node_modules/vite/bin/vite.js', 'build', '--base=./', '--logLevel=warn'])
  copyFileSync(
    join(unfinished, 'node_modules/tabmesh/dist/package/standalone.js'),
    join(unfinished, 'dist/tabmesh.js'),
  )
  copyFileSync(join(unfinished, 'plain.html'), join(unfinished, 'dist/plain.html'))
  renameSync(unfinished, folder)
  return installed
}

/** Rejects with what it printed when it does not end well. */
export async function run(folder: string, command: string, args: readonly string[]): Promise<string> {
  // Vite, where a test has used it, leaves NODE_ENV behind in this process: npm would then install no development dependencies.
  const { NODE_ENV: _, ...env } = process.env
  try {
    const { stdout } = await execute(command, [...args], { cwd: folder, env })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} in ${folder}:\n${stdout}${stderr}`, { cause: error })
  }
}

/** A program of the app that serves: its address once it has printed it, and its end. */
export async function startedProgram(
  folder: string,
  args: readonly string[],
): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  const url = await new Promise<string>((resolve, reject) => {
    let printed = ''
    child.stdout.on('data', (data) => {
      printed += data
      const address = STARTED.exec(printed)?.[0]
      if (address !== undefined) resolve(address)
    })
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${printed}`)))
  })
  return { url, stop: () => child.kill() }
}

/** Of what is built. */
async function pack(): Promise<string> {
  const folder = join(ROOT, 'node_modules/.cache/tabmesh-pack')
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(ROOT, 'dist/package/index.js')))
    await run(ROOT, 'npm', ['run', '--silent', 'build:package'])
  const printed = await run(ROOT, 'npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder])
  const [packed] = JSON.parse(printed) as { filename: string }[]
  if (packed === undefined) throw new Error('npm packed nothing')
  return join(folder, packed.filename)
}

function manifest(tarball: string): object {
  const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const pick = (name: string) => [name, ours.devDependencies[name]]
  return {
    private: true,
    type: 'module',
    dependencies: { tabmesh: `file:${tarball}` },
    devDependencies: Object.fromEntries(BESIDE.map(pick)),
  }
}
