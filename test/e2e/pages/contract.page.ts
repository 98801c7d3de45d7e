/** Runs the contract cases of the browser's adapters, one by one, asked from outside. */
import type { PeerId } from '../../../web/base/index.ts'
import { createBrowserClock } from '../../../web/browser-clock.ts'
import { browserCrypto, browserRandom } from '../../../web/browser-crypto.ts'
import { createPeerJsTransport } from '../../../web/mesh/peerjs/peerjs.ts'
import { derivePeerId } from '../../../web/node.ts'
import { openIndexedDbStore } from '../../../web/storage/indexeddb.ts'
import { storeCases } from '../../contract/store.ts'
import { TRANSPORT_RULES, type TransportWorld } from '../../contract/transport.ts'

/** Longer than the 30 s after which a browser gives up a connection whose last packet, the goodbye, was lost. */
const WAIT_MS = 45_000
const LOOK_MS = 10
const clock = createBrowserClock(new AbortController().signal)

async function runStoreCase(title: string): Promise<void> {
  const found = storeCases.find((one) => one.title === title)
  if (found === undefined) throw new Error(`no case ${title}`)
  await found.run({ open: openIndexedDbStore }, title)
}

async function runTransportRule(title: string, signalingUrl: string): Promise<void> {
  const found = TRANSPORT_RULES.find((one) => one.title === title)
  if (found === undefined) throw new Error(`no rule ${title}`)
  const world = createWorld(signalingUrl)
  try {
    await found.run(world)
  } finally {
    await world.end()
  }
}

/** A room of its own on the real server, with transports that all live in this page. */
function createWorld(signalingUrl: string): TransportWorld {
  const key = letters(32)
  const ends: (() => Promise<void>)[] = []
  return {
    transport: async () => {
      const peerId = await newPeerId()
      const transport = createPeerJsTransport({
        peerId,
        token: letters(20),
        key,
        signalingUrl,
        clock,
        random: browserRandom,
      })
      ends.push(() => transport.close())
      return transport
    },
    absentId: 'a'.repeat(32) as PeerId,
    settle: (promise) => Promise.race([promise, late('a promise')]),
    until: async (condition, what) => {
      const endMs = clock.now() + WAIT_MS
      while (!condition()) {
        if (clock.now() > endMs) throw new Error(`not in good time: ${what}`)
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve))
      }
    },
    end: async () => {
      for (const end of ends) await end()
    },
  }
}

function newPeerId(): Promise<PeerId> {
  return derivePeerId(browserCrypto, browserRandom.bytes(32))
}

function letters(length: number): string {
  return Array.from(browserRandom.bytes(length), (byte) => String.fromCharCode(97 + (byte % 26))).join('')
}

function late(what: string): Promise<never> {
  return new Promise((_, reject) => {
    clock.after(WAIT_MS, () => reject(new Error(`${what} did not settle in ${WAIT_MS} ms`)))
  })
}

Object.assign(window, { runStoreCase, runTransportRule })
