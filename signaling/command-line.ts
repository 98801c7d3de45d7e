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
  const isOn = (name: FlagName) => !['', '0', 'false', undefined].includes(text(name))
  const limits = LIMIT_FLAGS.map(([flag, limit]) => [limit, number(flag)] as const)
  return withoutUndefined({
    port: number('port'),
    host: text('host'),
    path: text('path'),
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

export function helpText(): string {
  const rows = Object.entries<Flag>(FLAGS).map(([name, flag]) => {
    const usage = flag.takes === 'nothing' ? `--${name}` : `--${name} <${flag.value}>`
    return `  ${usage.padEnd(34)} ${flag.help}`
  })
  return `Usage: npm start -- [flags]\n\nServes the Tabmesh page and introduces its peers to each other.\n\n${rows.join('\n')}\n
Each flag is also read from the environment: TABMESH_PORT=9123 is --port 9123.\n`
}

function readFlags(args: readonly string[]): Map<FlagName, readonly string[]> {
  const options = Object.entries<Flag>(FLAGS).map(([name, flag]) => [
    name,
    { type: flag.takes === 'nothing' ? 'boolean' : 'string', multiple: true } as const,
  ])
  try {
    const { values } = parseArgs({ args: [...args], options: Object.fromEntries(options), strict: true })
    return new Map(
      Object.entries(values).map(([name, list]) => [name as FlagName, (list as unknown[]).map(String)]),
    )
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new SignalingError('bad-option', `${problem}. See --help.`, { cause: error })
  }
}

function fromEnvironment(
  name: FlagName,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const value = env[`TABMESH_${name.toUpperCase().replaceAll('-', '_')}`]
  if (value === undefined) return []
  return FLAGS[name].takes === 'list' ? value.split(/\s+/).filter((entry) => entry !== '') : [value]
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
  const [urls = '', username, credential] = text.split(',')
  return withoutUndefined({ urls, username, credential })
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
