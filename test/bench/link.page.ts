/** A link between two pages over the PeerJS transport, without the room around it. */
import { createSeededRandom, type DeviceId, type PeerId, type SessionId } from '../../web/base/index.ts'
import type { Link } from '../../web/mesh/link/link.ts'
import { createLink } from '../../web/mesh/link/link-create.ts'
import { createPeerJsTransport } from '../../web/mesh/peerjs/peerjs.ts'
import type { Connection, Transport } from '../../web/mesh/transport/transport.ts'
import { decodeValue, encodeValue, type Value } from '../../web/wire/index.ts'
import { serve } from './page.ts'
import { smallMessage } from './small.ts'

const MIB = 1024 * 1024
const clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

let transport: Transport
let link: Link
const awaited = new Map<string, () => void>()
let expectedBytes = 0
let expectedValues = 0

serve({ linkOpen, linkConnect, linkBulk, linkSmall, linkRoundTrips, linkBusy })

async function linkOpen(id: PeerId, signalingUrl: string): Promise<void> {
  const random = createSeededRandom(id.charCodeAt(0))
  transport = createPeerJsTransport({ peerId: id, token: id, key: 'linkbench', signalingUrl, clock, random })
  await transport.start({ onConnection: takeConnection, onSignaling: ignore })
  if (transport.signaling !== 'connected') throw new Error('signaling cannot be reached')
}

async function linkConnect(id: PeerId): Promise<void> {
  takeConnection(await transport.dial(id, new AbortController().signal))
}

function takeConnection(connection: Connection): void {
  const peerId = connection.claimedPeerId as PeerId
  link = createLink(
    connection,
    { peerId, sessionId: 'bench000' as SessionId, deviceId: 'bench000' as DeviceId },
    { clock },
  )
  link.onFrame = (frame, lane) => {
    if (lane === 'bulk') countBytes(frame.length)
    else takeValue(decodeValue(frame))
  }
  void link.closed.then((end) => console.error(`the link ended: ${end}`))
}

function ignore(): void {
  // Nothing is being measured here.
}

function countBytes(length: number): void {
  expectedBytes -= length
  if (expectedBytes <= 0) say('all here')
}

/** Text is a command or an answer, anything else a message that is counted. */
function takeValue(value: Value): void {
  if (typeof value !== 'string') {
    if (--expectedValues === 0) say('all here')
  } else if (value.startsWith('bytes ')) expectedBytes = Number(value.slice(6))
  else if (value.startsWith('values ')) expectedValues = Number(value.slice(7))
  else if (value === 'ping') say('pong')
  else awaited.get(value)?.()
}

function say(text: string): void {
  void link.send('control', encodeValue(text))
}

function nextText(wanted: string): Promise<void> {
  return new Promise((resolve) => {
    awaited.set(wanted, resolve)
  })
}

/** Bytes a second, from the first send to the receiver's acknowledgement, in frames of 1 MiB. */
async function linkBulk(totalBytes: number): Promise<number> {
  const frame = new Uint8Array(MIB).fill(7)
  const acknowledged = nextText('all here')
  const startedMs = performance.now()
  say(`bytes ${totalBytes}`)
  for (let sent = 0; sent < totalBytes; sent += MIB) await link.send('bulk', frame)
  await acknowledged
  return totalBytes / ((performance.now() - startedMs) / 1000)
}

/** Messages a second, encoded here and decoded there. */
async function linkSmall(count: number): Promise<number> {
  const messages = Array.from({ length: count }, (_, sequence) => smallMessage(sequence))
  const acknowledged = nextText('all here')
  const startedMs = performance.now()
  say(`values ${count}`)
  for (const message of messages) await link.send('control', encodeValue(message as Value))
  await acknowledged
  return count / ((performance.now() - startedMs) / 1000)
}

async function linkRoundTrips(count: number): Promise<number[]> {
  const trips: number[] = []
  for (let trip = 0; trip < count; trip++) trips.push(await roundTrip())
  return trips
}

async function roundTrip(): Promise<number> {
  const answered = nextText('pong')
  const startedMs = performance.now()
  say('ping')
  await answered
  return performance.now() - startedMs
}

/** Round trips one after another, 5 ms apart, for as long as a bulk transfer runs beside them. */
async function linkBusy(totalBytes: number): Promise<{ bytesPerSecond: number; trips: number[] }> {
  let isRunning = true
  const bulk = linkBulk(totalBytes).finally(() => {
    isRunning = false
  })
  const trips: number[] = []
  while (isRunning) {
    trips.push(await roundTrip())
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { bytesPerSecond: await bulk, trips }
}
