import type { Page } from 'playwright-core'
import { openRawBaseline } from './baseline.ts'
import { type Bar, type Bench, type FigureSpec, median } from './bench.ts'
import type { BenchContext, BenchPage } from './harness.ts'

const MESSAGES = 5_000
const RECORDS = 20_000
const SINGLE = 100
const SMALL_BACKLOG = 1_000
const LARGE_BACKLOG = 100_000
const CONSUMED = 1_000
/** Small: what a long queue sends ahead of the last that is counted, and a short one has not, is no part of the rate. */
const BACKLOG_PREFETCH = 64 * 1024
const EVALUATIONS = 2_000_000
const ROUNDS = 5
/** Names that are tried until the room places one on the tab that is wanted. */
const MAX_NAMES = 64

/** Whose tab owns the queue decides how far a message goes: the room may place it on either. */
const OWNERS = ['sender', 'consumer'] as const
type OwnerTab = (typeof OWNERS)[number]

const RATES = figuresByOwner(
  'queue.durable',
  'messages/s',
  { atLeast: 0.25 },
  'IndexedDB writes, 500 a relaxed transaction',
)
const LATENCIES = figuresByOwner(
  'queue.durable',
  'ms p50',
  { atMost: 2.5 },
  'one strict transaction and one raw round trip',
)
const BACKLOGS = figuresByOwner(
  'queue.backlog',
  'messages/s',
  { atLeast: 0.8 },
  `the same with ${SMALL_BACKLOG} stored`,
)

function figuresByOwner(
  bench: string,
  unit: string,
  bar: Bar,
  against: string,
): Record<OwnerTab, FigureSpec> {
  const spec = (owner: OwnerTab) => ({
    bench,
    against: `${against}; the ${owner} owns the queue`,
    unit,
    bar,
  })
  return { sender: spec('sender'), consumer: spec('consumer') }
}

const SELECTOR: FigureSpec = {
  bench: 'selector.eval',
  against: '1 M evaluations/s',
  unit: 'evaluations/s',
  bar: { atLeast: 1 },
}

export const benches: readonly Bench[] = [
  { name: 'queue.durable', figures: [...Object.values(RATES), ...Object.values(LATENCIES)], run: durable },
  { name: 'queue.backlog', figures: Object.values(BACKLOGS), run: backlog },
  { name: 'selector.eval', figures: [SELECTOR], run: evaluate },
]

/** 1 KiB each, from one tab to the other, `replicated` on both. */
async function durable(context: BenchContext): Promise<void> {
  const raw = await openRawBaseline(context)
  const [disk] = (await context.openPages('queue.page.ts', 1)) as [BenchPage]
  const [sender, consumer] = (await context.openTabs(2)) as [Page, Page]
  const queues = {
    sender: await queueOwnedBy(sender, consumer, 'durable'),
    consumer: await queueOwnedBy(consumer, sender, 'durable'),
  }
  const assertPlaced = () =>
    Promise.all([assertOwned(queues.sender, sender), assertOwned(queues.consumer, consumer)])
  const rates = await context.inTurn(
    {
      sender: () => pipelined(sender, consumer, queues.sender, MESSAGES),
      consumer: () => pipelined(sender, consumer, queues.consumer, MESSAGES),
      theirs: () => disk.call<number>('writeRelaxed', RECORDS),
    },
    ROUNDS,
  )
  await assertPlaced()
  for (const owner of OWNERS) context.report(RATES[owner], { ours: rates[owner], theirs: rates.theirs })
  const times = await context.inTurn(
    {
      sender: async () => median(await oneByOne(sender, queues.sender, SINGLE)),
      consumer: async () => median(await oneByOne(sender, queues.consumer, SINGLE)),
      theirs: async () =>
        median(await disk.call<number[]>('writeStrict', SINGLE)) + median(await raw.roundTrips(SINGLE)),
    },
    ROUNDS,
  )
  await assertPlaced()
  for (const owner of OWNERS) context.report(LATENCIES[owner], { ours: times[owner], theirs: times.theirs })
}

/** The name of a queue that both tabs say `tab` owns: the room places names, so some are tried. */
async function queueOwnedBy(tab: Page, other: Page, prefix: string): Promise<string> {
  const owner = await tab.evaluate(() => window.tabmesh?.id)
  for (let n = 0; n < MAX_NAMES; n++) {
    const name = `${prefix}.${n}`
    if ((await ownerOf(name, tab)) === owner && (await ownerOf(name, other)) === owner) return name
  }
  throw new Error('the room places no queue on this tab')
}

function ownerOf(queueName: string, seenBy: Page): Promise<string | undefined> {
  return seenBy.evaluate(async (name) => (await window.tabmesh?.queue(name).stats())?.owner, queueName)
}

/** Rejects where an owner is another one by now: the figures would be of another place than they say. */
async function assertOwned(queueName: string, tab: Page): Promise<void> {
  if ((await ownerOf(queueName, tab)) !== (await tab.evaluate(() => window.tabmesh?.id)))
    throw new Error(`${queueName} has moved`)
}

/** Messages a second, from the first send to the last ack that the owner has confirmed. */
async function pipelined(sender: Page, consumer: Page, queueName: string, count: number): Promise<number> {
  const startedMs = performance.now()
  const consumed = consumer.evaluate(
    async ([name, wanted]) => {
      let left = wanted
      const acks: Promise<void>[] = []
      for await (const delivery of window.tabmesh?.queue(name).consume({ ack: 'individual' }) ?? []) {
        acks.push(delivery.ack())
        if (--left === 0) break
      }
      await Promise.all(acks)
    },
    [queueName, count] as const,
  )
  const sent = sender.evaluate(
    async ([name, wanted]) => {
      const queue = window.tabmesh?.queue(name)
      const body = new Uint8Array(1024)
      const underWay = new Set<Promise<unknown>>()
      for (let n = 0; n < wanted; n++) {
        if (underWay.size >= 256) await Promise.race(underWay)
        const one = (queue?.send(body) ?? Promise.reject(new Error('no node'))).then((result) => {
          if (result.level !== 'replicated') throw new Error(`only ${result.level}`)
          underWay.delete(one)
        })
        underWay.add(one)
      }
      await Promise.all(underWay)
    },
    [queueName, count] as const,
  )
  await Promise.all([consumed, sent])
  return count / ((performance.now() - startedMs) / 1000)
}

function oneByOne(sender: Page, queueName: string, count: number): Promise<number[]> {
  return sender.evaluate(
    async ([name, wanted]) => {
      const queue = window.tabmesh?.queue(name)
      const body = new Uint8Array(1024)
      const times: number[] = []
      for (let n = 0; n < wanted; n++) {
        const startedMs = performance.now()
        const result = await queue?.send(body)
        times.push(performance.now() - startedMs)
        if (result?.level !== 'replicated') throw new Error(`only ${result?.level}`)
      }
      await queue?.purge()
      return times
    },
    [queueName, count] as const,
  )
}

async function backlog(context: BenchContext): Promise<void> {
  const [sender, consumer] = (await context.openTabs(2)) as [Page, Page]
  for (const owner of OWNERS) {
    const places = owner === 'sender' ? ([sender, consumer] as const) : ([consumer, sender] as const)
    const small = await queueOwnedBy(...places, 'small')
    const large = await queueOwnedBy(...places, 'large')
    await fill(sender, small, SMALL_BACKLOG)
    await fill(sender, large, LARGE_BACKLOG)
    const rounds = await context.inTurn(
      {
        ours: () => consumeAndRefill(sender, consumer, large),
        theirs: () => consumeAndRefill(sender, consumer, small),
      },
      ROUNDS,
    )
    for (const name of [small, large]) await assertOwned(name, places[0])
    context.report(BACKLOGS[owner], rounds)
    await sender.evaluate((name) => window.tabmesh?.queue(name).purge(), large)
  }
}

function fill(sender: Page, name: string, count: number): Promise<void> {
  return sender.evaluate(
    async ([queueName, wanted]) => {
      const queue = window.tabmesh?.queue(queueName)
      const body = new Uint8Array(1024)
      for (let n = 0; n < wanted; n += 1_000)
        await Promise.all(Array.from({ length: Math.min(1_000, wanted - n) }, () => queue?.send(body)))
    },
    [name, count] as const,
  )
}

/** Consumes a thousand in order; then as many are added, so that each round finds as many as the last. */
async function consumeAndRefill(sender: Page, consumer: Page, name: string): Promise<number> {
  const elapsedMs = await consumer.evaluate(
    async ([queueName, wanted, prefetch]) => {
      const startedMs = performance.now()
      let left = wanted
      const acks: Promise<void>[] = []
      const consumption = window.tabmesh?.queue(queueName).consume({ ack: 'individual', prefetch })
      for await (const delivery of consumption ?? []) {
        acks.push(delivery.ack())
        if (--left === 0) break
      }
      await Promise.all(acks)
      return performance.now() - startedMs
    },
    [name, CONSUMED, BACKLOG_PREFETCH] as const,
  )
  await fill(sender, name, CONSUMED)
  return CONSUMED / (elapsedMs / 1000)
}

async function evaluate(context: BenchContext): Promise<void> {
  const [page] = (await context.openPages('queue.page.ts', 1)) as [BenchPage]
  const rounds = await context.inTurn({
    ours: () => page.call<number>('evaluate', EVALUATIONS),
    theirs: () => Promise.resolve(1_000_000),
  })
  context.report(SELECTOR, rounds)
}
