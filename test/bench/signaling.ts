/** Server CPU time and memory, ours against npm `peer`, each in a process of its own with this process as the load. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'
import type { Bench, FigureSpec } from './bench.ts'
import type { BenchContext } from './harness.ts'
import { clientFrame, LoadPeer } from './signaling-load.ts'
import type { ServerQuestion, ServerUsage } from './signaling-server.ts'

const AGAINST = 'npm peer@1.0.2'
const CONNECTED = 4_000
const CONNECTS = 2_000
const AT_ONCE = 50
const PAIRS = 50
const OFFERS_EACH = 200
const OFFER_BYTES = 2_048
const IDLE = 10_000
const ROUNDS = 7
const SIDES = ['ours', 'theirs'] as const
type Side = (typeof SIDES)[number]

const CONNECT: FigureSpec = {
  bench: 'signaling.connect',
  against: AGAINST,
  unit: 'µs of server CPU per connect, 4,000 connected',
  bar: { atMost: 0.9 },
}
const RELAY: FigureSpec = {
  bench: 'signaling.relay',
  against: AGAINST,
  unit: 'µs of server CPU per relayed 2 KB offer',
  bar: { atMost: 1 },
}
const MEMORY: FigureSpec = {
  bench: 'signaling.memory',
  against: AGAINST,
  unit: 'bytes of resident memory per idle connection, 10,000 connected',
  bar: { atMost: 1.05 },
}

export const benches: readonly Bench[] = [
  { name: CONNECT.bench, figures: [CONNECT], run: runConnect },
  { name: RELAY.bench, figures: [RELAY], run: runRelay },
  { name: MEMORY.bench, figures: [MEMORY], run: runMemory },
]

async function runConnect(context: BenchContext): Promise<void> {
  await withServers(async (servers) => {
    for (const side of SIDES) await openMany(servers[side].port, CONNECTED, 'held')
    const measure = async (side: Side) => {
      const { port } = servers[side]
      const before = await servers[side].ask('cpu')
      const peers = await openMany(port, CONNECTS, 'more')
      const after = await servers[side].ask('cpu')
      await Promise.all(peers.map((peer) => peer.close()))
      return (after.cpuMicros - before.cpuMicros) / CONNECTS
    }
    await reportInTurn(context, CONNECT, measure)
  })
}

async function runRelay(context: BenchContext): Promise<void> {
  await withServers(async (servers) => {
    const peers = { ours: await openPairs(servers.ours.port), theirs: await openPairs(servers.theirs.port) }
    const measure = async (side: Side) => {
      const before = await servers[side].ask('cpu')
      await Promise.all(peers[side].map(relayOffers))
      const after = await servers[side].ask('cpu')
      return (after.cpuMicros - before.cpuMicros) / (PAIRS * OFFERS_EACH)
    }
    await reportInTurn(context, RELAY, measure)
  })
}

/** A fresh server for each value, since a process does not give back all that it once had. */
async function runMemory(context: BenchContext): Promise<void> {
  const program = await bundleServer()
  const measure = async (side: Side) => {
    const server = await MeasuredServer.start(program, side)
    try {
      const warm = await openMany(server.port, AT_ONCE, 'warm')
      const before = await server.ask('memory')
      const peers = await openMany(server.port, IDLE, 'idle')
      const after = await server.ask('memory')
      await Promise.all([...warm, ...peers].map((peer) => peer.close()))
      return (after.rssBytes - before.rssBytes) / IDLE
    } finally {
      await server.stop()
    }
  }
  await reportInTurn(context, MEMORY, measure)
}

async function reportInTurn(
  context: BenchContext,
  spec: FigureSpec,
  measure: (side: Side) => Promise<number>,
): Promise<void> {
  const rounds = await context.inTurn(
    { ours: () => measure('ours'), theirs: () => measure('theirs') },
    ROUNDS,
  )
  context.report(spec, rounds)
}

async function withServers(body: (servers: Record<Side, MeasuredServer>) => Promise<void>): Promise<void> {
  const program = await bundleServer()
  const ours = await MeasuredServer.start(program, 'ours')
  const theirs = await MeasuredServer.start(program, 'theirs')
  try {
    await body({ ours, theirs })
  } finally {
    await ours.stop()
    await theirs.stop()
  }
}

async function openMany(port: number, count: number, name: string): Promise<LoadPeer[]> {
  const peers: LoadPeer[] = []
  while (peers.length < count) {
    const next = Math.min(AT_ONCE, count - peers.length)
    const batch = Array.from({ length: next }, (_, index) =>
      LoadPeer.open(port, `${name}${peers.length + index}`),
    )
    peers.push(...(await Promise.all(batch)))
  }
  return peers
}

interface Pair {
  readonly from: LoadPeer
  readonly to: LoadPeer
  readonly frame: Buffer
}

async function openPairs(port: number): Promise<Pair[]> {
  const peers = await openMany(port, PAIRS * 2, 'pair')
  return Array.from({ length: PAIRS }, (_, index) => {
    const [from, to] = [peers[index * 2], peers[index * 2 + 1]]
    if (from === undefined || to === undefined) throw new Error('too few peers')
    return { from, to, frame: clientFrame(offerTo(to.id)) }
  })
}

/** One at a time for each pair, as in life. */
async function relayOffers({ from, to, frame }: Pair): Promise<void> {
  for (let sent = 0; sent < OFFERS_EACH; sent++) {
    const received = to.received(1)
    from.send(frame)
    await received
  }
}

/** The members of PeerJS's own offer in its order; lines of SDP make up the size. */
function offerTo(dst: string): string {
  const write = (sdp: string) =>
    JSON.stringify({
      type: 'OFFER',
      payload: {
        sdp: { type: 'offer', sdp },
        type: 'data',
        connectionId: 'dc_0123456789a',
        label: 'dc_0123456789a',
        reliable: true,
        serialization: 'raw',
      },
      dst,
    })
  let sdp = 'v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'
  while (write(sdp).length < OFFER_BYTES) sdp += 'a=candidate:1 1 udp 2113937151 192.0.2.7 54321 typ host\r\n'
  return write(sdp)
}

class MeasuredServer {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, port: number) {
    this.#process = process
    this.port = port
  }

  static async start(program: string, side: Side): Promise<MeasuredServer> {
    const child = fork(program, [side], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const { port } = await answerOf<{ port: number }>(child)
    return new MeasuredServer(child, port)
  }

  async ask(question: ServerQuestion): Promise<ServerUsage> {
    const answer = answerOf<ServerUsage>(this.#process)
    this.#process.send(question)
    return await answer
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.disconnect()
    await ended
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the server ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.removeListener('exit', onExit)
      resolve(message as T)
    })
  })
}

/** As the product is built, so that no transpiler stands between. */
async function bundleServer(): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const outDir = join(root, 'node_modules/.cache/tabmesh-bench')
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'error',
    build: { ssr: join(root, 'test/bench/signaling-server.ts'), outDir, target: 'node20' },
  })
  return join(outDir, 'signaling-server.js')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { Harness } = await import('./harness.ts')
  const names = process.argv.slice(2)
  for (const bench of benches) {
    if (names.length === 0 || names.includes(bench.name)) await bench.run(new Harness())
  }
}
