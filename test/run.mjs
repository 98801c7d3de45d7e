/**
 * `npm test`: everything that must hold, on a fresh clone too. It begins with Node's own modules only, since it installs
 * the others. `--quick` is for every commit: a tenth of the seeds and one room in the browser. `--soak` runs the simulations
 * over 100,000 seeds instead, and nothing else. README.md says what runs when. The last line is `N passed, N failed`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { measureBundle, measurePackage } from './support/budget.mjs'

const ROOT = join(import.meta.dirname, '..')
const REPORTS = join(ROOT, 'node_modules/.cache/tabmesh-test')
const MINUTE_MS = 60_000
const SOAK_SEEDS = 100_000
/** Parts of the seeds: each commit plays one, the next commit another. */
const PARTS = 5
const QUICK_PARTS = 10
const QUICK_ROOM = ['mixed.spec.ts', '-g', 'they meet, talk', '--project=rooms']
const isSoak = process.argv.includes('--soak')
const isQuick = process.argv.includes('--quick')

let passed = 0
let failed = 0
const summary = []

if (!isInstalled()) await step('install', () => one('npm', ['ci', '--no-audit', '--no-fund'], 10 * MINUTE_MS))
mkdirSync(REPORTS, { recursive: true })
if (failed === 0) await (isSoak ? soak() : isQuick ? quick() : everything())
finish()

async function everything() {
  await step('browsers', () =>
    one('node', ['--import', 'tsx', 'test/support/prepare-browsers.ts'], 10 * MINUTE_MS),
  )
  await step('lint', () => one('npm', ['run', '--silent', 'lint'], 2 * MINUTE_MS))
  await step('types', () => one('npm', ['run', '--silent', 'typecheck'], 5 * MINUTE_MS))
  await step('dead code', () => one('npx', ['knip', '--config', 'test/knip.json'], 2 * MINUTE_MS))
  const isBuilt =
    (await step('build', () => one('npm', ['run', '--silent', 'build'], 5 * MINUTE_MS))) &&
    (await step('reference', () => one('npm', ['run', '--silent', 'build:docs'], 5 * MINUTE_MS))) &&
    (await step('package', () => one('npm', ['run', '--silent', 'build:package'], 5 * MINUTE_MS)))
  if (isBuilt) await step('bundle budget', budget)
  await step('unit, contract, simulation', () => vitest([], seedPart(PARTS), 20 * MINUTE_MS))
  if (isBuilt) await step('browser tests', () => browserTests([]))
}

async function quick() {
  await step('lint', () => one('npm', ['run', '--silent', 'lint'], 2 * MINUTE_MS))
  await step('types', () => one('npm', ['run', '--silent', 'typecheck'], 5 * MINUTE_MS))
  await step('unit, simulation', () =>
    vitest(['test/unit', 'test/sim'], seedPart(QUICK_PARTS), 10 * MINUTE_MS),
  )
  const isBuilt = await step('build', () => one('npm', ['run', '--silent', 'build'], 5 * MINUTE_MS))
  if (isBuilt) await step('a room', () => browserTests(QUICK_ROOM))
}

/** Which part of the seeds this commit plays, told by its hash; the first where there is no git. */
function seedPart(parts) {
  let part = 0
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' })
    part = Number.parseInt(hash.slice(0, 8), 16) % parts
  } catch {
    // A tarball has no commits.
  }
  return { TABMESH_SEED_PART: `${part}/${parts}` }
}

async function soak() {
  await step(`simulation over ${SOAK_SEEDS} seeds`, () =>
    vitest(['test/sim'], { TABMESH_SEEDS: String(SOAK_SEEDS) }, 12 * 60 * MINUTE_MS),
  )
}

/** True when nothing of it failed. */
async function step(name, run) {
  console.log(`\n== ${name}`)
  const startedMs = performance.now()
  const result = await run().catch((error) => {
    console.error(error)
    return { passed: 0, failed: 1 }
  })
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  passed += result.passed
  failed += result.failed
  const line = `${name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s`
  summary.push(line)
  console.log(`-- ${line}`)
  return result.failed === 0
}

function finish() {
  console.log(`\n${summary.join('\n')}\n`)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

/** Every package of the lock file is there in the locked version; those for other systems may be absent. */
function isInstalled() {
  const installedFile = join(ROOT, 'node_modules/.package-lock.json')
  if (!existsSync(installedFile)) return false
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' ||
      installed[path]?.version === version ||
      (optional === true && installed[path] === undefined),
  )
}

/** A command that passes or fails as a whole. */
async function one(command, args, limitMs) {
  const code = await execute(command, args, {}, limitMs)
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

async function budget() {
  const rows = [...measureBundle(join(ROOT, 'dist/web')), ...measurePackage(join(ROOT, 'dist/package'))]
  for (const { what, kb, limitKb } of rows) {
    console.log(`${kb <= limitKb ? 'ok  ' : 'OVER'} ${what}: ${kb.toFixed(1)} kB of ${limitKb} kB`)
  }
  const over = rows.filter(({ kb, limitKb }) => kb > limitKb).length
  return { passed: rows.length - over, failed: over }
}

async function vitest(args, env, limitMs) {
  const report = freshReport('vitest.json')
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const code = await execute(
    'npx',
    ['vitest', 'run', '--config', 'vite.config.ts', ...reporters, ...args],
    env,
    limitMs,
  )
  return counted(
    report,
    code,
    ({ numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, numTodoTests }) => ({
      passed: numPassedTests,
      failed: Math.max(numFailedTests, Math.min(numFailedTestSuites, 1)) + numPendingTests + numTodoTests,
    }),
  )
}

async function browserTests(chosen) {
  const report = freshReport('playwright.json')
  const args = [
    'playwright',
    'test',
    '--config',
    'test/playwright.config.ts',
    '--reporter=list,json',
    ...chosen,
  ]
  const code = await execute('npx', args, { PLAYWRIGHT_JSON_OUTPUT_NAME: report }, 50 * MINUTE_MS)
  return counted(report, code, ({ stats, errors }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + stats.skipped + errors.length,
  }))
}

function freshReport(name) {
  const report = join(REPORTS, name)
  rmSync(report, { force: true })
  return report
}

/** A test that was skipped has not passed. A runner that fails without a failed test counts as one. */
function counted(report, code, countsOf) {
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const counts = countsOf(JSON.parse(readFileSync(report, 'utf8')))
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

/** The exit code; 1 when it could not start or was ended for taking longer than `limitMs`. */
function execute(command, args, env, limitMs) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, ...env },
      detached: true,
    })
    const end = () => endGroup(child.pid)
    const timer = setTimeout(() => {
      console.error(`${command} ${args.join(' ')} took longer than ${limitMs / MINUTE_MS} min and was ended`)
      end()
    }, limitMs)
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)
    const settle = (code) => {
      clearTimeout(timer)
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, end)
      resolve(code ?? 1)
    }
    child.once('error', (error) => {
      console.error(error.message)
      settle(1)
    })
    child.once('exit', settle)
  })
}

/** The command with everything that it started. */
function endGroup(pid) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGTERM')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
