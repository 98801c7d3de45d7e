import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { findBrowser, launchOptions } from './browsers.ts'

const SOURCE = fileURLToPath(new URL('./wanlink.c', import.meta.url))
const UP_MS = 10_000
const ADDRESSES = ['10.97.0.1', '10.97.0.2'] as const

/** Two places that only a wide-area link joins. */
export interface Wan {
  readonly addresses: readonly [string, string]
  /** Runs in one of the places; killed with the link. */
  run(place: 0 | 1, command: string, args: readonly string[]): ChildProcess
  browse(place: 0 | 1): Promise<Browser>
  close(): Promise<void>
}

/** Why this machine cannot have one; undefined where it can. */
export function wanProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root'
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun'
  for (const command of ['cc', 'ip']) {
    try {
      execFileSync('which', [command], { stdio: 'ignore' })
    } catch {
      return `there is no ${command}`
    }
  }
  return undefined
}

/** `delayMs` is one way, `lossPercent` of each way's packets. */
export async function openWan(delayMs: number, lossPercent: number): Promise<Wan> {
  const folder = mkdtempSync(join(tmpdir(), 'tabmesh-wan-'))
  const binary = join(folder, 'wanlink')
  execFileSync('cc', ['-O2', '-o', binary, SOURCE], { stdio: 'inherit' })
  const places = ['a', 'b'].map((side) => `tabmesh-${process.pid}-${side}`) as [string, string]
  for (const place of places) execFileSync('ip', ['netns', 'add', place])
  const [here, there] = ADDRESSES
  const link = spawn(binary, [places[0], here, places[1], there, String(delayMs), String(lossPercent)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const children: ChildProcess[] = [link]
  const browsers: Browser[] = []
  await once(link.stdout, 'data', { signal: AbortSignal.timeout(UP_MS) })
  return {
    addresses: ADDRESSES,
    run: (place, command, args) => {
      const child = spawn('ip', ['netns', 'exec', places[place], command, ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      children.push(child)
      return child
    },
    browse: async (place) => {
      const setup = findBrowser('chromium')
      const options = launchOptions(setup)
      const wrapper = join(folder, `browser-${place}`)
      writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${places[place]} ${setup.executablePath} "$@"\n`)
      chmodSync(wrapper, 0o755)
      const args = [...(options.args ?? []), '--ignore-certificate-errors']
      const browser = await chromium.launch({ ...options, executablePath: wrapper, args, headless: true })
      browsers.push(browser)
      return browser
    },
    close: async () => {
      for (const browser of browsers) await browser.close()
      for (const child of children.reverse()) child.kill('SIGKILL')
      for (const place of places) execFileSync('ip', ['netns', 'delete', place])
      rmSync(folder, { recursive: true })
    },
  }
}
