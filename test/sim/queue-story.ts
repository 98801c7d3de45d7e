import { randomBelow } from '../../web/base/index.ts'
import { deriveRoom, type RoomKeys } from '../../web/mesh/index.ts'
import type { Consumption, Level, Queue, QueueSettings } from '../../web/messaging/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { type MessagingTab, openMessagingTab, type Sabotage } from '../support/sim/messaging-tab.ts'

export const QUEUE = 'orders'
/** Where a piped story's transactions bring everything. */
const PIPED = 'bills'

/** One attempt as a consumer saw it. */
export interface Taken {
  readonly tab: number
  readonly text: string
  readonly sender: number
  readonly deliveryCount: number
}

export interface StoryOptions {
  readonly tabs: number
  readonly settings?: Partial<QueueSettings>
  readonly sabotage?: Sabotage
  /** Consumers bring each message to a second queue in a transaction, and what comes out there counts. */
  readonly isPiped?: boolean
  /** More befalls them: one-way partitions, links that flap, clocks that are set, disks that are lost. */
  readonly isHard?: boolean
  /** Now and then nobody uses the queue for long enough that it is deleted. */
  readonly isLeisurely?: boolean
}

const SECOND = 1_000
const DAY = 86_400 * SECOND

/**
 * A room whose tabs send to one queue and consume from it while they are killed, paused and cut off from each other; the
 * history of what they asked for and what they were told, as the total-queue checker of Jepsen wants it.
 */
export class QueueStory {
  readonly sim: Simulation
  readonly tabs: MessagingTab[] = []
  /** Enqueues that were begun; those that were confirmed, with their level. */
  readonly attempted = new Set<string>()
  readonly confirmed = new Set<string>()
  readonly replicated = new Set<string>()
  /** Dequeues: every delivery, and those whose ack was confirmed. */
  readonly taken: Taken[] = []
  readonly acked: string[] = []
  readonly #keys: RoomKeys
  readonly #options: StoryOptions
  readonly #ends: (AbortController | undefined)[] = []
  /** How often it was gone, for somebody at least. */
  deletions = 0
  #count = 0
  #hasLostDisk = false

  constructor(sim: Simulation, keys: RoomKeys, options: StoryOptions) {
    this.sim = sim
    this.#keys = keys
    this.#options = options
  }

  static async begin(seed: number, options: StoryOptions): Promise<QueueStory> {
    const sim = createSimulation(seed, { path: { latencyMs: 5, jitterMs: 15 } })
    const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(seed))
    const story = new QueueStory(sim, keys, options)
    for (let index = 0; index < options.tabs; index++) await story.open(index)
    return story
  }

  async open(index: number): Promise<void> {
    this.tabs[index] = await this.sim.settle(
      openMessagingTab(this.sim.tab(index), this.#keys, undefined, this.#options.sabotage),
    )
  }

  send(index: number, level: Level = 'replicated'): void {
    const text = `${index}:${++this.#count}`
    this.sim.note(`send ${text}`)
    this.attempted.add(text)
    this.#queue(index)
      .send(text, { level })
      .then(
        (sent) => {
          this.sim.note(`sent ${text} ${sent.level}`)
          this.confirmed.add(text)
          if (sent.level === 'replicated') this.replicated.add(text)
        },
        (error: unknown) => this.sim.note(`not sent ${text}: ${String(error)}`),
      )
  }

  consume(index: number): void {
    if (this.#ends[index]) return
    const end = new AbortController()
    this.#ends[index] = end
    const consume = (queue: Queue) =>
      queue.consume({ ack: 'individual', signal: end.signal, prefetch: 4_096 })
    const failed = (error: unknown) => this.sim.note(`loop ${index}: ${String(error)}`)
    if (this.#options.isPiped) this.#pipe(index, consume(this.#queue(index))).catch(failed)
    this.#loop(index, consume(this.#last(index))).catch(failed)
  }

  stopConsuming(index: number): void {
    this.#ends[index]?.abort(new Error('enough'))
    this.#ends[index] = undefined
  }

  /** Index of the tab that owns the queue. */
  async owner(): Promise<number> {
    const { owner } = await this.sim.settle(this.#queue(0).stats())
    return this.tabs.findIndex(({ tab }) => tab.peerId === owner)
  }

  /** Its loop died with its tab. */
  forgetLoop(index: number): void {
    this.#ends[index] = undefined
  }

  async restart(index: number): Promise<void> {
    this.tabs[index]?.tab.kill()
    this.#ends[index] = undefined
    await this.sim.run(randomBelow(this.sim.random, 9_000))
    this.sim.tab(index).restart()
    await this.open(index)
  }

  /** The queue runs dry, and everybody leaves it alone for about as long as it takes to be deleted. */
  async rest(): Promise<void> {
    const { sim } = this
    for (let index = 0; index < this.#options.tabs; index++) this.consume(index)
    await sim.run(randomBelow(sim.random, 6 * SECOND))
    for (let index = 0; index < this.#options.tabs; index++) this.stopConsuming(index)
    await sim.run(25 * SECOND + randomBelow(sim.random, 30 * SECOND))
    if (this.tabs.some(({ messaging }) => !messaging.destinations.queues().includes(QUEUE))) this.deletions++
    for (let index = 0; index < this.#options.tabs; index++) if (sim.random.float() < 0.5) this.consume(index)
  }

  async act(): Promise<void> {
    const { sim } = this
    if (this.#options.isLeisurely && randomBelow(sim.random, 4) === 0) await this.rest()
    const index = randomBelow(sim.random, this.#options.tabs)
    const other = (index + 1 + randomBelow(sim.random, this.#options.tabs - 1)) % this.#options.tabs
    const a = sim.tab(index).peerId
    const b = sim.tab(other).peerId
    switch (randomBelow(sim.random, this.#options.isHard ? 17 : 12)) {
      case 0:
        await this.restart(index)
        break
      case 1:
        sim.network.partition([a], [b])
        break
      case 2:
        sim.network.partition([a], this.#others(index))
        break
      case 3:
        sim.network.heal()
        break
      case 4:
        sim.network.breakConnections(a, b)
        break
      case 5:
        sim.tab(index).pause(randomBelow(sim.random, 12_000))
        break
      case 6:
        this.stopConsuming(index)
        break
      case 7:
        this.consume(index)
        break
      case 12:
        sim.network.partition([a], [b], { oneWay: true })
        break
      case 13:
        for (let flap = 0; flap < 6; flap++) {
          sim.network.breakConnections(a, b)
          await sim.run(randomBelow(sim.random, 600))
        }
        break
      case 14:
        sim.tab(index).setWall((sim.random.float() * 2 - 1) * 10 * DAY)
        break
      case 15:
        await this.#loseDisk(index)
        break
      default:
        for (let n = randomBelow(sim.random, 8); n >= 0; n--) this.send(index)
    }
    await sim.run(randomBelow(sim.random, 4_000))
  }

  /** What must come out: a message on one disk alone may be lost with it. */
  get owed(): ReadonlySet<string> {
    return this.#hasLostDisk ? this.replicated : this.confirmed
  }

  /** Once the copies are made up again, since two copies survive the loss of one disk, not of two. */
  async #loseDisk(index: number): Promise<void> {
    const { sim } = this
    sim.network.heal()
    await sim.runUntil(() => this.#isIdle(), 240 * SECOND, 'everybody is here and nothing waits')
    await sim.run(20 * SECOND)
    this.#hasLostDisk = true
    this.tabs[index]?.tab.kill()
    this.#ends[index] = undefined
    await sim.run(randomBelow(sim.random, 9 * SECOND))
    sim.tab(index).loseDisk()
    sim.tab(index).restart()
    await this.open(index)
  }

  /** Everything heals, every tab is there, and one of them consumes until nothing is left. */
  async drain(): Promise<void> {
    this.sim.network.heal()
    for (let index = 0; index < this.#options.tabs; index++) this.consume(index)
    const isDrained = () => {
      const taken = new Set(this.taken.map(({ text }) => text))
      return [...this.owed].every((text) => taken.has(text)) && this.#isIdle()
    }
    await this.sim.runUntil(isDrained, 240_000, 'everything that was confirmed has come out')
    // Leases of those who died, and what was sent and never confirmed.
    await this.sim.run(45_000)
    for (const queue of [this.#queue(0), this.#last(0)]) {
      const stats = await this.sim.settle(queue.stats())
      if (stats.messages > 0)
        throw this.sim.failure(`${stats.messages} messages are left: ${JSON.stringify(stats)}`)
    }
  }

  #isIdle(): boolean {
    return this.tabs.every(
      ({ messaging, room }) => messaging.waitingCount === 0 && room.members().length === this.#options.tabs,
    )
  }

  #others(index: number) {
    return this.tabs.flatMap(({ tab }) => (tab.index === index ? [] : [tab.peerId]))
  }

  #queue(index: number) {
    return (this.tabs[index] as MessagingTab).messaging.queue(QUEUE, this.#options.settings)
  }

  /** What comes out of it has come out of the story. */
  #last(index: number): Queue {
    if (!this.#options.isPiped) return this.#queue(index)
    return (this.tabs[index] as MessagingTab).messaging.queue(PIPED)
  }

  async #pipe(index: number, consumption: Consumption): Promise<void> {
    const { messaging } = this.tabs[index] as MessagingTab
    for await (const delivery of consumption) {
      const text = String(delivery.body)
      this.sim.note(`tab ${index} pipes ${text}`)
      await messaging
        .transaction((tx) => {
          tx.ack(delivery)
          tx.queue(PIPED).send(text)
        })
        .catch((error: unknown) => {
          this.sim.note(`pipe of ${text} failed: ${String(error)}`)
          delivery.nack({ delayMs: 500 }).catch(() => undefined)
        })
    }
  }

  async #loop(index: number, consumption: Consumption): Promise<void> {
    for await (const delivery of consumption) {
      const text = String(delivery.body)
      this.sim.note(`tab ${index} takes ${text} (${delivery.deliveryCount})`)
      this.taken.push({
        tab: index,
        text,
        sender: Number(text.split(':')[0]),
        deliveryCount: delivery.deliveryCount,
      })
      await delivery.ack().then(
        () => this.acked.push(text),
        (error: unknown) => this.sim.note(`ack of ${text} refused: ${String(error)}`),
      )
    }
  }
}

/** Three tabs that consume, so many steps of what befalls them, and everything drained. */
export async function playQueueStory(
  seed: number,
  kind: Pick<StoryOptions, 'isHard' | 'isLeisurely' | 'isPiped'> = {},
  steps = 14,
): Promise<QueueStory> {
  const story = await QueueStory.begin(seed, { tabs: 3, ...kind })
  for (let index = 0; index < 3; index++) story.consume(index)
  for (let step = 0; step < steps; step++) await story.act()
  await story.drain()
  return story
}

/** Jepsen's total-queue: what was confirmed and never came out, what came out and was never sent, what came twice. */
export function totalQueue(story: QueueStory): { lost: string[]; unexpected: string[]; duplicated: number } {
  const out = story.taken.map(({ text }) => text)
  const seen = new Set(out)
  return {
    lost: [...story.owed].filter((text) => !seen.has(text)),
    unexpected: [...seen].filter((text) => !story.attempted.has(text)),
    duplicated: out.length - seen.size,
  }
}
