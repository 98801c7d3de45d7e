import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, firefox, type LaunchOptions } from 'playwright-core'

export type BrowserName = 'chromium' | 'firefox'

/** What `launch` and Playwright's `use` both take. */
export interface BrowserSetup {
  readonly name: BrowserName
  /** Undefined for Playwright's own build. */
  readonly executablePath: string | undefined
  readonly channel: 'moz-firefox' | undefined
  readonly args: readonly string[]
  readonly firefoxUserPrefs: Readonly<Record<string, string | number | boolean>>
}

const PROGRAMS: Record<BrowserName, readonly string[]> = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  firefox: ['firefox-esr', 'firefox'],
}
const DEBIAN_PACKAGES: Record<BrowserName, string> = { chromium: 'chromium', firefox: 'firefox-esr' }
const APPLICATIONS: Record<BrowserName, readonly string[]> = {
  chromium: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  firefox: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
}
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Several tabs share one machine: none of them may be slowed down for being in the background. */
const AWAKE = [
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
]
/** Of the browser's own window, for every page of every profile: more than a second of processor each, and never seen. */
const WINDOW_PARTS = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup']
const HIDDEN_ADDRESSES = 'WebRtcHideLocalIpsWithMdns'

/**
 * The browser to test with: Playwright's own where it is installed, else one that the machine has, else (root on
 * Debian or Ubuntu) the distribution's package, installed now. Throws with what to do where none of these helps.
 * `hidesAddresses` keeps mDNS candidates on, which is what people's browsers do and which makes links slower to open.
 */
export function findBrowser(name: BrowserName, options: { hidesAddresses?: boolean } = {}): BrowserSetup {
  const own = (name === 'chromium' ? chromium : firefox).executablePath()
  const executablePath = existsSync(own) ? undefined : (findProgram(name) ?? installPackage(name))
  const hides = options.hidesAddresses ?? false
  return {
    name,
    executablePath,
    channel: name === 'firefox' && executablePath !== undefined ? 'moz-firefox' : undefined,
    args: name === 'chromium' ? chromiumArgs(hides) : [],
    firefoxUserPrefs: name === 'firefox' ? firefoxPrefs(hides) : {},
  }
}

/** {@link findBrowser} as launch options. */
export function launchOptions(setup: BrowserSetup): LaunchOptions {
  return {
    headless: true,
    args: [...setup.args],
    ...(setup.executablePath === undefined ? {} : { executablePath: setup.executablePath }),
    ...(setup.channel === undefined ? {} : { channel: setup.channel }),
    ...(setup.name === 'firefox' ? { firefoxUserPrefs: { ...setup.firefoxUserPrefs } } : {}),
  }
}

export interface LaunchChoices {
  /** Default true. */
  readonly headless?: boolean
  /** See {@link findBrowser}. */
  readonly hidesAddresses?: boolean
  /** Of Firefox, beside those that every test has. */
  readonly preferences?: Readonly<Record<string, string | number | boolean>>
}

/** A Chromium process of its own. */
export function launchChromium(choices: LaunchChoices = {}): Promise<Browser> {
  return chromium.launch({
    ...launchOptions(findBrowser('chromium', choices)),
    headless: choices.headless ?? true,
  })
}

/** A Firefox process of its own. */
export function launchFirefox(choices: LaunchChoices = {}): Promise<Browser> {
  const found = launchOptions(findBrowser('firefox', choices))
  const firefoxUserPrefs = { ...found.firefoxUserPrefs, ...choices.preferences }
  return firefox.launch({ ...found, firefoxUserPrefs, headless: choices.headless ?? true })
}

/** After it was killed, Firefox would else bring its tabs back by itself, or after some times start without what it is set to. */
const AFTER_KILLS = {
  'browser.sessionstore.resume_from_crash': false,
  'toolkit.startup.max_resumed_crashes': -1,
}

/** A Firefox process with its profile in this folder, where it finds it again. */
export function openFirefoxProfile(folder: string): Promise<BrowserContext> {
  const found = launchOptions(findBrowser('firefox'))
  const firefoxUserPrefs = { ...found.firefoxUserPrefs, ...AFTER_KILLS }
  return firefox.launchPersistentContext(folder, { ...found, firefoxUserPrefs })
}

function chromiumArgs(hidesAddresses: boolean): string[] {
  const isRoot = process.getuid?.() === 0
  const without = hidesAddresses ? WINDOW_PARTS : [...WINDOW_PARTS, HIDDEN_ADDRESSES]
  return [...QUIET, ...AWAKE, ...(isRoot ? ['--no-sandbox'] : []), `--disable-features=${without.join(',')}`]
}

function firefoxPrefs(hidesAddresses: boolean): Record<string, boolean> {
  return {
    'media.peerconnection.ice.obfuscate_host_addresses': hidesAddresses,
    'media.peerconnection.ice.loopback': true,
  }
}

function findProgram(name: BrowserName): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = PROGRAMS[name].flatMap((program) => folders.map((folder) => join(folder, program)))
  return [...candidates, ...APPLICATIONS[name]].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not ours to run: the same to us.
    return false
  }
}

function installPackage(name: BrowserName): string {
  const needed = DEBIAN_PACKAGES[name]
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(
      `No ${name} was found. Install one: "npx playwright install ${name}", or your system's ${needed} package.`,
    )
  }
  console.error(`No ${name} was found: installing the Debian package ${needed} ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  execFileSync('apt-get', ['update', '-q'], { env, stdio: [...stdio] })
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', needed], {
    env,
    stdio: [...stdio],
  })
  const program = findProgram(name)
  if (program === undefined)
    throw new Error(`The package ${needed} was installed, but there is no ${name} in PATH.`)
  return program
}
