/** The other side of the comparisons, each between two pages of two browser processes. */
import { median } from './bench.ts'
import type { BenchContext, BenchPage } from './harness.ts'

const PAGE = 'baseline.page.ts'
const RAW_MESSAGE_BYTES = [16, 64, 256].map((kib) => kib * 1024)
const MIB = 1024 * 1024

export interface RawBaseline {
  /** The message size that was fastest here. */
  readonly messageBytes: number
  /** Megabytes (10^6) a second, receiver-acknowledged. */
  bulk(totalBytes: number): Promise<number>
  /** Milliseconds of each round trip. */
  roundTrips(count: number): Promise<number[]>
}

/** A bare RTCDataChannel, with the best of three message sizes. */
export async function openRawBaseline(context: BenchContext): Promise<RawBaseline> {
  const [sender, receiver] = (await context.openPages(PAGE, 2)) as [BenchPage, BenchPage]
  const offer = await sender.call<string>('rawOffer')
  const answer = await receiver.call<string>('rawAnswer', offer)
  await sender.call('rawAccept', answer)
  const bulk = async (totalBytes: number, messageBytes: number) =>
    (await sender.call<number>('rawBulk', totalBytes, messageBytes)) / 1e6
  const messageBytes = await fastest(bulk)
  context.say(`  raw channel: messages of ${messageBytes / 1024} KiB are fastest`)
  return {
    messageBytes,
    bulk: (totalBytes) => bulk(totalBytes, messageBytes),
    roundTrips: (count) => sender.call('rawRoundTrips', count),
  }
}

async function fastest(bulk: (totalBytes: number, messageBytes: number) => Promise<number>): Promise<number> {
  const rates = new Map<number, number[]>(RAW_MESSAGE_BYTES.map((size) => [size, []]))
  for (let round = 0; round < 3; round++) {
    for (const [size, values] of rates) values.push(await bulk(16 * MIB, size))
  }
  return [...rates].sort((a, b) => median(b[1]) - median(a[1]))[0]?.[0] as number
}

export interface PeerJsBaseline {
  /** Megabytes (10^6) a second by values of 1 MiB in `binary`, receiver-acknowledged. */
  bulk(totalBytes: number): Promise<number>
  /** 150-byte objects a second in `json`, receiver-acknowledged. */
  small(count: number): Promise<number>
  roundTrips(count: number): Promise<number[]>
}

/** Stock PeerJS 1.5.5 over the same signaling server. */
export async function openPeerJsBaseline(context: BenchContext): Promise<PeerJsBaseline> {
  const [sender, receiver] = (await context.openPages(PAGE, 2)) as [BenchPage, BenchPage]
  await sender.call('peerOpen', 'bench-sender', context.signalingUrl)
  await receiver.call('peerOpen', 'bench-receiver', context.signalingUrl)
  for (const serialization of ['binary', 'json'])
    await sender.call('peerConnect', 'bench-receiver', serialization)
  return {
    bulk: async (totalBytes) => (await sender.call<number>('peerBulk', totalBytes)) / 1e6,
    small: (count) => sender.call('peerSmall', count),
    roundTrips: (count) => sender.call('peerRoundTrips', count),
  }
}

/** One PeerJS page that is linked to two others. */
export async function openPeerJsFanout(
  context: BenchContext,
): Promise<{ fanout(count: number): Promise<number> }> {
  const [sender, ...receivers] = (await context.openPages(PAGE, 3)) as [BenchPage, ...BenchPage[]]
  await sender.call('peerOpen', 'fanout-sender', context.signalingUrl)
  for (const [at, receiver] of receivers.entries()) {
    await receiver.call('peerOpen', `fanout-receiver${at}`, context.signalingUrl)
    await sender.call('peerConnect', `fanout-receiver${at}`, 'json')
  }
  return { fanout: (count) => sender.call('peerFanout', count) }
}
