/** What a user would pick instead: a bare RTCDataChannel, and PeerJS. */
import { type DataConnection, Peer } from 'peerjs'
import { serve } from './page.ts'
import { smallMessage } from './small.ts'

const HIGH_WATER_BYTES = 4 * 1024 * 1024
const LOW_WATER_BYTES = 1024 * 1024
const MIB = 1024 * 1024

let connection: RTCPeerConnection
let channel: RTCDataChannel
let peer: Peer
const opened = new Map<string, DataConnection>()
/** Of `json`, to every peer. */
const allJson: DataConnection[] = []

serve({
  rawOffer,
  rawAnswer,
  rawAccept,
  rawBulk,
  rawRoundTrips,
  peerOpen,
  peerConnect,
  peerBulk,
  peerSmall,
  peerFanout,
  peerRoundTrips,
})

async function rawOffer(): Promise<string> {
  connection = new RTCPeerConnection()
  takeChannel(connection.createDataChannel('raw'))
  await connection.setLocalDescription(await connection.createOffer())
  return described()
}

async function rawAnswer(offer: string): Promise<string> {
  connection = new RTCPeerConnection()
  connection.ondatachannel = (event) => takeChannel(event.channel)
  await connection.setRemoteDescription({ type: 'offer', sdp: offer })
  await connection.setLocalDescription(await connection.createAnswer())
  return described()
}

/** Resolves when the channel is open. */
async function rawAccept(answer: string): Promise<void> {
  const open = new Promise<void>((resolve) => {
    channel.onopen = () => resolve()
  })
  await connection.setRemoteDescription({ type: 'answer', sdp: answer })
  await open
}

async function described(): Promise<string> {
  while (connection.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => resolve(), { once: true })
    })
  }
  return connection.localDescription?.sdp ?? ''
}

/** The answering side of every measurement: text is a command, bytes are counted and acknowledged when all are here. */
function takeChannel(taken: RTCDataChannel): void {
  channel = taken
  channel.binaryType = 'arraybuffer'
  channel.bufferedAmountLowThreshold = LOW_WATER_BYTES
  let expected = 0
  channel.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      if (data.startsWith('expect ')) expected = Number(data.slice(7))
      else if (data === 'ping') channel.send('pong')
      else onText(data)
      return
    }
    expected -= data.byteLength
    if (expected <= 0) channel.send('all here')
  }
}

let onText: (text: string) => void = ignore
function ignore(): void {
  // Nothing is being measured here.
}

function nextText(): Promise<string> {
  return new Promise((resolve) => {
    onText = resolve
  })
}

/** Bytes a second, from the first send to the receiver's acknowledgement. */
async function rawBulk(totalBytes: number, messageBytes: number): Promise<number> {
  const message = new Uint8Array(messageBytes).fill(7)
  const acknowledged = nextText()
  const startedMs = performance.now()
  channel.send(`expect ${totalBytes}`)
  for (let sent = 0; sent < totalBytes; sent += messageBytes) {
    if (channel.bufferedAmount > HIGH_WATER_BYTES) {
      await new Promise<void>((resolve) => {
        channel.onbufferedamountlow = () => resolve()
      })
    }
    channel.send(message)
  }
  await acknowledged
  return totalBytes / ((performance.now() - startedMs) / 1000)
}

/** Milliseconds of each of `count` round trips, one after another. */
async function rawRoundTrips(count: number): Promise<number[]> {
  const trips: number[] = []
  for (let trip = 0; trip < count; trip++) {
    const answered = nextText()
    const startedMs = performance.now()
    channel.send('ping')
    await answered
    trips.push(performance.now() - startedMs)
  }
  return trips
}

async function peerOpen(id: string, url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  peer = new Peer(id, {
    host: hostname,
    port: Number(port),
    path: '/',
    key: 'bench',
    config: { iceServers: [] },
    debug: 1,
  })
  peer.on('connection', answerMeasurements)
  await new Promise((resolve, reject) => {
    peer.on('open', resolve)
    peer.on('error', reject)
  })
}

/** The answering side: counts what arrives and answers when the announced number of values is here. */
function answerMeasurements(taken: DataConnection): void {
  let expected = 0
  taken.on('data', (value) => {
    const command = (value as { command?: string }).command
    if (command === 'expect') expected = (value as { count: number }).count
    else if (command === 'ping') void taken.send({ command: 'pong' })
    else if (--expected === 0) void taken.send({ command: 'all here' })
  })
}

async function peerConnect(id: string, serialization: string): Promise<void> {
  const made = peer.connect(id, { serialization, reliable: true })
  await new Promise<void>((resolve, reject) => {
    made.on('open', () => resolve())
    made.on('error', reject)
  })
  opened.set(serialization, made)
  if (serialization === 'json') allJson.push(made)
}

function peerAnswer(made: DataConnection): Promise<void> {
  return new Promise((resolve) => {
    made.once('data', () => resolve())
  })
}

function connectionOf(serialization: string): DataConnection {
  const made = opened.get(serialization)
  if (!made) throw new Error(`no ${serialization} connection`)
  return made
}

/** Bytes a second by values of 1 MiB in `binary`. */
async function peerBulk(totalBytes: number): Promise<number> {
  const made = connectionOf('binary')
  const value = new Uint8Array(MIB).fill(7)
  const count = Math.ceil(totalBytes / MIB)
  const answered = peerAnswer(made)
  const startedMs = performance.now()
  void made.send({ command: 'expect', count })
  for (let sent = 0; sent < count; sent++) void made.send(value)
  await answered
  return (count * MIB) / ((performance.now() - startedMs) / 1000)
}

/** 150-byte objects a second in `json`. */
async function peerSmall(count: number): Promise<number> {
  const made = connectionOf('json')
  const messages = Array.from({ length: count }, (_, sequence) => smallMessage(sequence))
  const answered = peerAnswer(made)
  const startedMs = performance.now()
  void made.send({ command: 'expect', count })
  for (const message of messages) void made.send(message)
  await answered
  return count / ((performance.now() - startedMs) / 1000)
}

/** 150-byte objects delivered a second, in `json` to everybody. */
async function peerFanout(count: number): Promise<number> {
  const messages = Array.from({ length: count }, (_, sequence) => smallMessage(sequence))
  const answered = Promise.all(allJson.map(peerAnswer))
  const startedMs = performance.now()
  for (const made of allJson) void made.send({ command: 'expect', count })
  for (const message of messages) for (const made of allJson) void made.send(message)
  await answered
  return (count * allJson.length) / ((performance.now() - startedMs) / 1000)
}

async function peerRoundTrips(count: number): Promise<number[]> {
  const made = connectionOf('json')
  const trips: number[] = []
  for (let trip = 0; trip < count; trip++) {
    const answered = peerAnswer(made)
    const startedMs = performance.now()
    void made.send({ command: 'ping' })
    await answered
    trips.push(performance.now() - startedMs)
  }
  return trips
}
