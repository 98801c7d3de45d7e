import { cpuSecondsOfDescendants } from '../support/cpu-time.ts'
import { openPeerJsBaseline, openRawBaseline } from './baseline.ts'
import { type Bench, type FigureSpec, median, percentile } from './bench.ts'
import type { BenchContext, BenchPage } from './harness.ts'
import { SMALL_MESSAGE_BYTES } from './small.ts'

const MIB = 1024 * 1024
const BULK_BYTES = 64 * MIB
const SMALL_MESSAGES = 100_000
const PEERJS_SMALL_MESSAGES = 20_000
const ROUND_TRIPS = 300
const BUSY_LIMIT_MS = 100
const RAW = 'raw RTCDataChannel'

const BULK_RAW: FigureSpec = { bench: 'link.bulk', against: RAW, unit: 'MB/s', bar: { atLeast: 0.85 } }
const BULK_PEERJS: FigureSpec = {
  bench: 'link.bulk',
  against: 'PeerJS binary',
  unit: 'MB/s',
  bar: { atLeast: 1.25 },
}
/** What the rates rest on where the processor is full; it swings less than they do. */
const BULK_CPU = 'ms of processor for 64 MiB, both pages'
const BULK_RAW_CPU: FigureSpec = {
  bench: 'link.bulk',
  against: `${RAW}, processor`,
  unit: BULK_CPU,
  bar: { atMost: 1.1 },
}
const BULK_PEERJS_CPU: FigureSpec = {
  bench: 'link.bulk',
  against: 'PeerJS binary, processor',
  unit: BULK_CPU,
  bar: { atMost: 0.9 },
}
const SMALL_PEERJS: FigureSpec = {
  bench: 'link.small',
  against: 'PeerJS json',
  unit: 'messages/s',
  bar: { atLeast: 2.5 },
}
const SMALL_RAW: FigureSpec = {
  bench: 'link.small',
  against: RAW,
  unit: 'payload MB/s',
  bar: { atLeast: 0.45 },
}
const BUSY_TRIP: FigureSpec = { bench: 'link.busy', against: '100 ms', unit: 'ms p99', bar: { atMost: 1 } }
const BUSY_RATE: FigureSpec = {
  bench: 'link.busy',
  against: `${RAW}, bulk rate`,
  unit: 'MB/s',
  bar: { atLeast: 0.8 },
}
const RTT: FigureSpec = { bench: 'link.rtt', against: RAW, unit: 'ms p50', bar: { atMost: 1.4 } }

export const benches: readonly Bench[] = [
  { name: 'link.bulk', figures: [BULK_RAW, BULK_PEERJS, BULK_RAW_CPU, BULK_PEERJS_CPU], run: bulk },
  { name: 'link.small', figures: [SMALL_PEERJS, SMALL_RAW], run: small },
  { name: 'link.busy', figures: [BUSY_TRIP, BUSY_RATE], run: busy },
  { name: 'link.rtt', figures: [RTT], run: roundTrips },
]

async function bulk(context: BenchContext): Promise<void> {
  const [raw, peerJs, link] = [
    await openRawBaseline(context),
    await openPeerJsBaseline(context),
    await openLink(context),
  ]
  const cpu = { ours: [] as number[], raw: [] as number[], peerJs: [] as number[] }
  const counting =
    (side: keyof typeof cpu, bulkOnce: (totalBytes: number) => Promise<number>) => async () => {
      const before = cpuSecondsOfDescendants(process.pid)
      const rate = await bulkOnce(BULK_BYTES)
      cpu[side].push((cpuSecondsOfDescendants(process.pid) - before) * 1000)
      return rate
    }
  const rounds = await context.inTurn({
    ours: counting('ours', link.bulk),
    raw: counting('raw', raw.bulk),
    peerJs: counting('peerJs', peerJs.bulk),
  })
  context.report(BULK_RAW, { ours: rounds.ours, theirs: rounds.raw })
  context.report(BULK_PEERJS, { ours: rounds.ours, theirs: rounds.peerJs })
  // The first of each is the warm-up's.
  const [ours, theirs, peers] = [cpu.ours.slice(1), cpu.raw.slice(1), cpu.peerJs.slice(1)]
  context.report(BULK_RAW_CPU, { ours, theirs })
  context.report(BULK_PEERJS_CPU, { ours, theirs: peers })
}

async function small(context: BenchContext): Promise<void> {
  const [raw, peerJs, link] = [
    await openRawBaseline(context),
    await openPeerJsBaseline(context),
    await openLink(context),
  ]
  const rounds = await context.inTurn({
    ours: () => link.small(SMALL_MESSAGES),
    raw: () => raw.bulk(BULK_BYTES / 2),
    peerJs: () => peerJs.small(PEERJS_SMALL_MESSAGES),
  })
  context.report(SMALL_PEERJS, { ours: rounds.ours, theirs: rounds.peerJs })
  const payload = rounds.ours.map((messages) => (messages * SMALL_MESSAGE_BYTES) / 1e6)
  context.report(SMALL_RAW, { ours: payload, theirs: rounds.raw })
}

async function busy(context: BenchContext): Promise<void> {
  const [raw, link] = [await openRawBaseline(context), await openLink(context)]
  const p99s: number[] = []
  const rounds = await context.inTurn({
    ours: async () => {
      const { bytesPerSecond, trips } = await link.busy(BULK_BYTES)
      p99s.push(percentile(trips, 0.99))
      return bytesPerSecond / 1e6
    },
    raw: () => raw.bulk(BULK_BYTES),
  })
  // The first is the warm-up's.
  const measured = p99s.slice(1)
  context.report(BUSY_TRIP, { ours: measured, theirs: measured.map(() => BUSY_LIMIT_MS) })
  context.report(BUSY_RATE, { ours: rounds.ours, theirs: rounds.raw })
}

async function roundTrips(context: BenchContext): Promise<void> {
  const [raw, link] = [await openRawBaseline(context), await openLink(context)]
  const rounds = await context.inTurn({
    ours: async () => median(await link.roundTrips(ROUND_TRIPS)),
    raw: async () => median(await raw.roundTrips(ROUND_TRIPS)),
  })
  context.report(RTT, { ours: rounds.ours, theirs: rounds.raw })
}

interface BenchLink {
  /** Megabytes (10^6) a second. */
  bulk(totalBytes: number): Promise<number>
  /** Messages a second. */
  small(count: number): Promise<number>
  roundTrips(count: number): Promise<number[]>
  busy(totalBytes: number): Promise<{ bytesPerSecond: number; trips: number[] }>
}

async function openLink(context: BenchContext): Promise<BenchLink> {
  const [sender, receiver] = (await context.openPages('link.page.ts', 2)) as [BenchPage, BenchPage]
  const [senderId, receiverId] = ['a'.repeat(32), 'b'.repeat(32)]
  await sender.call('linkOpen', senderId, context.signalingUrl)
  await receiver.call('linkOpen', receiverId, context.signalingUrl)
  await sender.call('linkConnect', receiverId)
  return {
    bulk: async (totalBytes) => (await sender.call<number>('linkBulk', totalBytes)) / 1e6,
    small: (count) => sender.call('linkSmall', count),
    roundTrips: (count) => sender.call('linkRoundTrips', count),
    busy: (totalBytes) => sender.call('linkBusy', totalBytes),
  }
}
