import { describe, expect, test } from 'vitest'
import { randomBelow } from '../../web/base/index.ts'
import { deriveRoom, type RoomKeys } from '../../web/mesh/index.ts'
import type { Message } from '../../web/messaging/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { type MessagingTab, openMessagingTab } from '../support/sim/messaging-tab.ts'
import { seedsOf } from '../support/sim/seeds.ts'

const SEEDS = seedsOf(200)
const TABS = 3
const STEPS = 14
/** How far a device's clock is off. */
const CLOCKS = [0, 0, 40, -2 * 3_600_000, 24 * 3_600_000] as const
const TOPICS = ['chat.general', 'chat.dev'] as const

/** One run of a seed: what was published, who said what about it, and the tabs at the end. */
class Run {
  readonly sim: Simulation
  readonly tabs: MessagingTab[] = []
  readonly accepted = new Set<string>()
  readonly stored = new Set<string>()
  readonly lives: { readonly tab: number; readonly seen: readonly Message[] }[] = []
  readonly #keys: RoomKeys
  #published = 0

  constructor(sim: Simulation, keys: RoomKeys) {
    this.sim = sim
    this.#keys = keys
  }

  async open(index: number): Promise<void> {
    const tab = await this.sim.settle(openMessagingTab(this.sim.tab(index), this.#keys))
    this.tabs[index] = tab
    this.lives.push({ tab: index, seen: tab.seen })
    this.checkDelivered(index)
  }

  /** Nothing of a tab's own is shown as delivered that no other has, and what is not yet is still on its way. */
  checkDelivered(index: number): void {
    const { history } = (this.tabs[index] as MessagingTab).messaging
    const elsewhere = new Set(
      [...this.tabs.keys()].filter((at) => at !== index).flatMap((at) => this.texts(at)),
    )
    for (const entry of TOPICS.flatMap((topic) => history.entries(topic))) {
      if (entry.state === 'delivered') expect(elsewhere).toContain(String(entry.body))
    }
  }

  publish(index: number): void {
    const text = `message ${++this.#published}`
    const topic = TOPICS[randomBelow(this.sim.random, TOPICS.length)] as string
    this.sim.note(`publish ${index}: ${text}`)
    const published = (this.tabs[index] as MessagingTab).messaging
      .topic(topic)
      .publish(text, { level: 'stored' })
    published.then(
      () => this.stored.add(text),
      () => {
        // The tab died before anybody else had it; what it had accepted is looked for in its history.
      },
    )
  }

  async restart(index: number): Promise<void> {
    this.tabs[index]?.tab.kill()
    await this.sim.run(randomBelow(this.sim.random, 9_000))
    this.sim.tab(index).restart()
    await this.open(index)
  }

  async act(): Promise<void> {
    const { sim } = this
    const index = randomBelow(sim.random, TABS)
    const other = (index + 1 + randomBelow(sim.random, TABS - 1)) % TABS
    const a = sim.tab(index).peerId
    const b = sim.tab(other).peerId
    switch (randomBelow(sim.random, 9)) {
      case 0:
        await this.restart(index)
        break
      case 1:
        sim.network.partition([a], [b])
        break
      case 2:
        sim.network.heal()
        break
      case 3:
        sim.network.breakConnections(a, b)
        break
      case 4:
        sim.tab(index).pause(randomBelow(sim.random, 3_000))
        break
      default:
        for (let n = randomBelow(sim.random, 6); n >= 0; n--) this.publish(index)
    }
    await sim.run(randomBelow(sim.random, 4_000))
  }

  /** What each tab has on disk and shows. */
  texts(index: number): string[] {
    const { history } = (this.tabs[index] as MessagingTab).messaging
    return TOPICS.flatMap((topic) => history.entries(topic).map((entry) => String(entry.body)))
  }
}

async function play(seed: number): Promise<Run> {
  const sim = createSimulation(seed, { path: { latencyMs: 20, jitterMs: 30 } })
  const run = new Run(sim, await deriveRoom(sim.crypto, new Uint8Array(32).fill(seed)))
  for (let index = 0; index < TABS; index++) {
    sim.tab(index).setWall(CLOCKS[randomBelow(sim.random, CLOCKS.length)] as number)
    await run.open(index)
  }
  for (let step = 0; step < STEPS; step++) await run.act()
  sim.network.heal()
  const isQuiet = () =>
    run.tabs.every(
      (tab) =>
        tab.room.members().length === TABS &&
        TOPICS.every((topic) =>
          tab.messaging.history.entries(topic).every((entry) => entry.state !== 'sending'),
        ),
    )
  await sim.runUntil(isQuiet, 180_000, 'every outbox is empty')
  return run
}

/** Numbers of one sender's stream rise without a repetition. */
function expectOrder(messages: readonly { readonly id: string }[]): void {
  const last = new Map<string, number>()
  for (const { id } of messages) {
    const at = id.lastIndexOf('/')
    const stream = id.slice(0, at)
    const number = Number(id.slice(at + 1))
    expect(number).toBeGreaterThan(last.get(stream) ?? 0)
    last.set(stream, number)
  }
}

/** What two devices both have stands in the same order on both. */
function expectSameOrder(run: Run, topic: string): void {
  const lists = run.tabs.map(({ messaging }) => messaging.history.entries(topic).map(({ id }) => id))
  for (const a of lists)
    for (const b of lists) expect(a.filter((id) => b.includes(id))).toEqual(b.filter((id) => a.includes(id)))
}

function check(run: Run): void {
  for (const topic of TOPICS) expectSameOrder(run, topic)
  for (let index = 0; index < TABS; index++) {
    const { history } = (run.tabs[index] as MessagingTab).messaging
    for (const topic of TOPICS) expectOrder(history.entries(topic))
    const texts = run.texts(index)
    expect(new Set(texts).size).toBe(texts.length)
    run.checkDelivered(index)
  }
  const everywhere = new Set([...run.tabs.keys()].flatMap((at) => run.texts(at)))
  for (const text of run.stored) expect(everywhere).toContain(text)
  for (const { seen } of run.lives)
    for (const topic of TOPICS) expectOrder(seen.filter((one) => one.topic === topic))
}

describe('messages in a room with faults', () => {
  test(
    `MSG4 MSG5 MSG6 MSG10 ${SEEDS.length} seeds: what is stored stays, in one order on every device, once, and outboxes empty themselves`,
    async () => {
      for (const seed of SEEDS) {
        const run = await play(seed)
        try {
          check(run)
        } catch (error) {
          throw run.sim.failure(error instanceof Error ? error.message : String(error), error)
        }
      }
    },
    SEEDS.length * 2_000,
  )

  test('MSG12 the same seed gives the same trace', async () => {
    for (const seed of [3, 17]) {
      const [first, second] = [await play(seed), await play(seed)]
      expect(second.sim.trace.hash).toBe(first.sim.trace.hash)
    }
  })
})
