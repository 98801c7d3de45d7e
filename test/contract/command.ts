import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What test runners set for themselves, and what would change the commands. */
const NOT_PASSED_ON = /^(VITEST|VITE_|TABMESH_|NODE_ENV$|NODE_OPTIONS$|CI$|FORCE_COLOR$)/
const POLL_MS = 50

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A script of package.json as a process of its own, without npm between; keeps what it prints. */
export class Command {
  /** Standard output and standard error, each as it came. */
  said = ''
  complained = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<Exit>

  constructor(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const [, ...own] = scriptOf(script).split(' ')
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.test(name))
    this.#child = spawn(process.execPath, [...own, ...args], {
      cwd: ROOT,
      env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (data) => {
      this.said += String(data)
    })
    this.#child.stderr?.on('data', (data) => {
      this.complained += String(data)
    })
    this.#exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }))
  }

  /** Resolves with the match in standard output; rejects when the command ends before, or after `withinMs`. */
  async prints(pattern: RegExp, withinMs = 30_000): Promise<RegExpExecArray> {
    return this.#finds(pattern, () => this.said, withinMs)
  }

  /** {@link prints} of standard error. */
  async complains(pattern: RegExp, withinMs = 30_000): Promise<RegExpExecArray> {
    return this.#finds(pattern, () => this.complained, withinMs)
  }

  /** What Ctrl-C sends. */
  interrupt(): void {
    this.#child.kill('SIGINT')
  }

  /** Rejects when it still runs after `withinMs`. */
  async ends(withinMs = 10_000): Promise<Exit> {
    const limit = new AbortController()
    const late = once(AbortSignal.any([AbortSignal.timeout(withinMs), limit.signal]), 'abort').then(() => {
      throw new Error(`the command did not end within ${withinMs} ms${this.#account()}`)
    })
    try {
      return await Promise.race([this.#exit, late])
    } finally {
      late.catch(() => undefined)
      limit.abort()
    }
  }

  /** Ends it with everything that it started; does nothing where it has ended. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    for (const pid of [...this.descendants(), this.#child.pid]) if (pid !== undefined) killProcess(pid)
    await this.ends()
  }

  /** Processes that it started, and theirs. */
  descendants(): number[] {
    const parents = processes()
    const found = new Set([this.#child.pid ?? -1])
    // A process may be listed before its parent.
    for (let known = 0; known !== found.size; ) {
      known = found.size
      for (const { pid, parent } of parents) if (found.has(parent)) found.add(pid)
    }
    found.delete(this.#child.pid ?? -1)
    return [...found]
  }

  async #finds(pattern: RegExp, text: () => string, withinMs: number): Promise<RegExpExecArray> {
    let hasEnded = false
    void this.#exit.then(() => {
      hasEnded = true
    })
    let found: RegExpExecArray | null = null
    await becomes(() => {
      found = pattern.exec(text())
      return found !== null || hasEnded
    }, withinMs).catch(() => undefined)
    if (found === null) throw new Error(`the command did not print ${pattern}${this.#account()}`)
    return found
  }

  #account(): string {
    return `; it said:\n${this.said}\n${this.complained}`
  }
}

/** Asks until it is so; rejects after `withinMs`. */
export async function becomes(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs
  if (await isSo()) return
  for await (const _ of setInterval(POLL_MS)) {
    if (await isSo()) return
    if (performance.now() > endMs) throw new Error(`was not so within ${withinMs} ms`)
  }
}

/** Those of `pids` that still run. One that has ended, but that nobody has asked about, does not. */
export function running(pids: readonly number[]): number[] {
  return processes()
    .filter(({ pid, state }) => pids.includes(pid) && !state.startsWith('Z'))
    .map(({ pid }) => pid)
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function scriptOf(name: string): string {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return scripts[name]
}

function processes(): { pid: number; parent: number; state: string }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map((line) => {
    const [pid, parent, state = ''] = line.trim().split(/\s+/)
    return { pid: Number(pid), parent: Number(parent), state }
  })
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
