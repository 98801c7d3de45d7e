import { parseArgs } from 'node:util'
import { SignalingError } from './errors.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { DEFAULT_LIMITS, type IceServer, type Limits, type SignalingOptions } from './options.ts'

type Flag =
  | { readonly takes: 'text' | 'list' | 'number'; readonly value: string; readonly help: string }
  | { readonly takes: 'nothing'; readonly help: string }

/** In the order of `--help`. Each is also read from TABMESH_<NAME>, where lists are split at spaces. */
const FLAGS = {
  port: { takes: 'number', value: 'n', help: 'port of page and signaling (9000; 0 for any free one)' },
  host: { takes: 'text', value: 'address', help: 'address to listen on (127.0.0.1; 0.0.0.0 with --lan)' },
  path: { takes: 'text', value: 'path', help: 'where the PeerJS protocol lives (/)' },
  'public-url': {
    takes: 'text',
    value: 'url',
    help: 'where browsers find the page behind your proxy, with its path',
  },
  'allow-host': {
    takes: 'list',
    value: 'name',
    help: 'another name that this server answers to, *.name too (repeatable)',
  },
  lan: {
    takes: 'nothing',
    help: 'also https on the local network, self-signed unless --cert and --key are given',
  },
  'lan-port': { takes: 'number', value: 'n', help: 'its port (the one after --port)' },
  cert: {
    takes: 'text',
    value: 'file',
    help: 'certificate in PEM form; without --lan the only port becomes https',
  },
  key: { takes: 'text', value: 'file', help: 'its private key in PEM form' },
  'trust-origin': {
    takes: 'list',
    value: 'origin',
    help: 'pages of this origin may use the server too; * is any (repeatable)',
  },
  ice: {
    takes: 'list',
    value: 'url[,user,credential]',
    help: 'STUN or TURN server that the page then uses (repeatable)',
  },
  'connect-src': {
    takes: 'list',
    value: 'source',
    help: 'allow the page to connect there too, in its CSP (repeatable)',
  },
  'signaling-only': { takes: 'nothing', help: 'do not serve the page' },
  'trust-proxy': {
    takes: 'nothing',
    help: 'believe the last entry of X-Forwarded-For (only behind your own proxy)',
  },
  log: { takes: 'text', value: LOG_LEVELS.join('|'), help: 'JSON lines on standard error (info)' },
  'max-peers': { takes: 'number', value: 'n', help: `registered peers (${DEFAULT_LIMITS.peers})` },
  'max-peers-per-key': {
    takes: 'number',
    value: 'n',
    help: `registered peers of one key (${DEFAULT_LIMITS.peersPerKey})`,
  },
  'max-per-address': {
    takes: 'number',
    value: 'n',
    help: `connections from one address (${DEFAULT_LIMITS.peersPerAddress})`,
  },
  'max-frame-bytes': { takes: 'number', value: 'n', help: `largest frame (${DEFAULT_LIMITS.frameBytes})` },
  'frames-per-second': {
    takes: 'number',
    value: 'n',
    help: `frames of one connection (${DEFAULT_LIMITS.framesPerSecond})`,
  },
  'frame-burst': { takes: 'number', value: 'n', help: `frames at once (${DEFAULT_LIMITS.frameBurst})` },
  help: { takes: 'nothing', help: 'this text' },
} satisfies Record<string, Flag>

type FlagName = keyof typeof FLAGS

const LIMIT_FLAGS: readonly (readonly [FlagName, keyof Limits])[] = [
  ['max-peers', 'peers'],
  ['max-peers-per-key', 'peersPerKey'],
  ['max-per-address', 'peersPerAddress'],
  ['max-frame-bytes', 'frameBytes'],
  ['frames-per-second', 'framesPerSecond'],
  ['frame-burst', 'frameBurst'],
]

/** What the command line and, where it is silent, the environment ask for; `undefined` for `--help`. */
export function parseCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SignalingOptions | undefined {
  const given = readFlags(args)
  if (given.get('help') !== undefined) return undefined
  const all = (name: FlagName): readonly string[] => given.get(name) ?? fromEnvironment(name, env)
  const text = (name: FlagName) => all(name).at(-1)
  const number = (name: FlagName) => toNumber(name, text(name))
  const isOn = (name: FlagName) => toSwitch(name, text(name))
  refuseUnknown(env)
  const limits = LIMIT_FLAGS.map(([flag, limit]) => [limit, number(flag)] as const)
  return withoutUndefined({
    port: number('port'),
    host: text('host'),
    path: text('path'),
    publicUrl: text('public-url'),
    allowedHosts: all('allow-host'),
    lan: isOn('lan'),
    lanPort: number('lan-port'),
    certFile: text('cert'),
    keyFile: text('key'),
    trustedOrigins: all('trust-origin'),
    iceServers: all('ice').map(toIceServer),
    connectSources: all('connect-src'),
    webDir: isOn('signaling-only') ? null : undefined,
    trustProxy: isOn('trust-proxy'),
    log: toLevel(text('log')),
    limits: Object.fromEntries(limits.filter(([, value]) => value !== undefined)),
  })
}

/** How this program was called: as `tabmesh` of the package, or from the repository. */
export function calledAs(program: string | undefined): string {
  return /[\\/]tabmesh(\.\w+)?$/.test(program ?? '') ? 'tabmesh' : 'npm start --'
}

/** `called`: see {@link calledAs}. */
export function helpText(called: string): string {
  const rows = Object.entries<Flag>(FLAGS).map(([name, flag]) => {
    const usage = flag.takes === 'nothing' ? `--${name}` : `--${name} <${flag.value}>`
    return `  ${usage.padEnd(34)} ${flag.help}`
  })
  return `Usage: ${called} [flags]\n\nServes the Tabmesh page and introduces its peers to each other.\n\n${rows.join('\n')}\n
Each flag is also read from the environment: TABMESH_PORT=9123 is --port 9123, TABMESH_LAN=1 is --lan. An empty variable is
none. PORT is not read.\n`
}

function readFlags(args: readonly string[]): Map<FlagName, readonly string[]> {
  const options = Object.entries<Flag>(FLAGS).map(([name, flag]) => [
    name,
    { type: flag.takes === 'nothing' ? 'boolean' : 'string', multiple: true } as const,
  ])
  try {
    const { values } = parseArgs({ args: [...args], options: Object.fromEntries(options), strict: true })
    const given = Object.entries(values).map(
      ([name, list]) => [name as FlagName, (list as unknown[]).map(String)] as const,
    )
    for (const [name, list] of given) if (list.includes('')) throw new RangeError(`--${name} needs a value`)
    return new Map(given)
  } catch (error) {
    const problem =
      error instanceof Error ? error.message.split(/\.\s/)[0]?.replace(/\.$/, '') : String(error)
    throw new SignalingError('bad-option', `${problem}. See --help.`, { cause: error })
  }
}

/** Set for other parts of this project. */
const OTHER_VARIABLES: readonly string[] = ['TABMESH_SIGNALING_URL', 'TABMESH_SEEDS']

function variableOf(name: string): string {
  return `TABMESH_${name.toUpperCase().replaceAll('-', '_')}`
}

/** A setting that nobody reads is a setting that is not in force. */
function refuseUnknown(env: Readonly<Record<string, string | undefined>>): void {
  const known = new Set([...Object.keys(FLAGS).map(variableOf), ...OTHER_VARIABLES])
  const unknown = Object.keys(env).find((name) => name.startsWith('TABMESH_') && !known.has(name))
  if (unknown !== undefined)
    throw new SignalingError('bad-option', `${unknown} is set, but there is no such setting. See --help.`)
}

/** What was meant for this program and did not reach it, in words; empty where nothing is amiss. */
export function overlooked(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const notes: string[] = []
  const isPortSet = args.some((arg) => arg.startsWith('--port')) || (env['TABMESH_PORT'] ?? '') !== ''
  if ((env['PORT'] ?? '') !== '' && !isPortSet)
    notes.push(`PORT=${env['PORT']} is not read; TABMESH_PORT=${env['PORT']} is.`)
  for (const name of Object.keys(FLAGS)) {
    // npm has settings of these names itself.
    if (['cert', 'key', 'help'].includes(name)) continue
    if (env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined)
      notes.push(`npm has kept --${name} for itself: write npm start -- --${name}`)
  }
  return notes
}

function fromEnvironment(
  name: FlagName,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const value = env[variableOf(name)]
  if (value === undefined || value.trim() === '') return []
  return FLAGS[name].takes === 'list' ? value.split(/\s+/).filter((entry) => entry !== '') : [value]
}

function toSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined) return false
  const word = text.toLowerCase()
  if (['1', 'true', 'yes', 'on'].includes(word)) return true
  if (['0', 'false', 'no', 'off'].includes(word)) return false
  throw new SignalingError('bad-option', `--${name} is 1 or 0, not ${JSON.stringify(text)}.`)
}

function toNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text))
    throw new SignalingError('bad-option', `--${name} takes a whole number, not ${JSON.stringify(text)}.`)
  return Number(text)
}

function toLevel(text: string | undefined): LogLevel | undefined {
  const level = LOG_LEVELS.find((known) => known === text)
  if (text !== undefined && level === undefined) {
    throw new SignalingError(
      'bad-option',
      `--log is one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(text)}.`,
    )
  }
  return level
}

function toIceServer(text: string): IceServer {
  const [urls = '', username, ...rest] = text.split(',')
  // A credential may have commas in it.
  const credential = rest.length === 0 ? undefined : rest.join(',')
  return withoutUndefined({ urls, username, credential })
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
