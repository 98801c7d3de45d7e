import type { Page } from 'playwright-core'
import { openPeerJsFanout } from './baseline.ts'
import type { Bench, FigureSpec } from './bench.ts'
import { smallMessage } from './small.ts'

const MESSAGES = 40_000
const PEERJS_MESSAGES = 10_000
const TOPIC = 'bench.readings'
/** Publishes that wait for room in a link at once. */
const UNDER_WAY = 2_000

const FANOUT: FigureSpec = {
  bench: 'topic.fanout',
  against: 'PeerJS json to two peers',
  unit: 'messages delivered/s',
  bar: { atLeast: 2.5 },
}

/** Messages of 150 bytes from one tab to two that subscribe, until both have all of them. */
const fanout: Bench = {
  name: 'topic.fanout',
  figures: [FANOUT],
  async run(context) {
    const peerJs = await openPeerJsFanout(context)
    const tabs = (await context.openTabs(3)) as [Page, Page, Page]
    const messages = Array.from({ length: MESSAGES }, (_, sequence) => smallMessage(sequence))
    await tabs[0].evaluate((given) => Object.assign(window, { benchMessages: given }), messages)
    const rounds = await context.inTurn({
      ours: () => publishAll(...tabs),
      theirs: () => peerJs.fanout(PEERJS_MESSAGES),
    })
    context.report(FANOUT, rounds)
  },
}

export const benches: readonly Bench[] = [fanout]

async function publishAll(publisher: Page, ...subscribers: readonly Page[]): Promise<number> {
  const received = await Promise.all(subscribers.map(subscribe))
  const startedMs = performance.now()
  await Promise.all([publish(publisher), ...received.map(({ all }) => all)])
  return (MESSAGES * subscribers.length) / ((performance.now() - startedMs) / 1000)
}

/** Resolves when everybody knows of the subscription; `all` when it has got everything. */
async function subscribe(page: Page): Promise<{ readonly all: Promise<void> }> {
  await page.evaluate(async (topic) => {
    const subscription = window.tabmesh?.topic(topic).subscribe({ bufferBytes: 64 * 1024 * 1024 })
    await subscription?.ready
    Object.assign(window, { benchSubscription: subscription })
  }, TOPIC)
  const all = page.evaluate(async (count) => {
    const { benchSubscription } = window as unknown as { benchSubscription: AsyncIterable<unknown> }
    let left = count
    for await (const _ of benchSubscription) if (--left === 0) return
  }, MESSAGES)
  return { all }
}

function publish(page: Page): Promise<void> {
  return page.evaluate(
    async ([name, most]) => {
      const { benchMessages } = window as unknown as { benchMessages: readonly unknown[] }
      const topic = window.tabmesh?.topic(name)
      let underWay: (Promise<unknown> | undefined)[] = []
      for (const message of benchMessages) {
        underWay.push(topic?.publish(message))
        if (underWay.length < most) continue
        await Promise.all(underWay)
        underWay = []
      }
      await Promise.all(underWay)
    },
    [TOPIC, UNDER_WAY] as const,
  )
}
