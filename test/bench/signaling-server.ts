/** Runs one of the two signaling servers and tells its parent what it costs. Arguments: `ours` or `theirs`. */
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'
import { createSignalingServer } from '../../signaling/server.ts'

/** High enough for every bench, on both sides. */
const MANY = 1_000_000

/** What the parent may ask for, and gets. */
export type ServerQuestion = 'cpu' | 'memory'
export interface ServerUsage {
  /** User and system time of the process so far. */
  readonly cpuMicros: number
  /** For `memory`, after a full collection. */
  readonly rssBytes: number
}

async function startOurs(): Promise<number> {
  const server = createSignalingServer({
    port: 0,
    webDir: null,
    log: 'silent',
    limits: {
      peers: MANY,
      peersPerKey: MANY,
      peersPerAddress: MANY,
      framesPerSecond: MANY,
      frameBurst: MANY,
    },
  })
  await server.ready
  return server.address.port
}

function startTheirs(): Promise<number> {
  const options = {
    host: '127.0.0.1',
    port: 0,
    key: 'bench',
    concurrent_limit: MANY,
    alive_timeout: MANY * 1000,
  }
  return new Promise((resolve) => {
    PeerServer(options, (server) => resolve((server.address() as AddressInfo).port))
  })
}

function usage(question: unknown): ServerUsage {
  if (question === 'memory') globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  return { cpuMicros: user + system, rssBytes: question === 'memory' ? process.memoryUsage.rss() : 0 }
}

const port = await (process.argv[2] === 'ours' ? startOurs() : startTheirs())
process.on('message', (question) => process.send?.(usage(question)))
process.on('disconnect', () => process.exit(0))
process.send?.({ port })
