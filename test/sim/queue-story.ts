import { randomBelow } from '../../web/base/index.ts'
import { deriveRoom, type RoomKeys } from '../../web/mesh/index.ts'
import type { Queue, QueueSettings, SendOptions } from '../../web/messaging/index.ts'
import { createSimulation, type Simulation } from '../support/sim/index.ts'
import { type MessagingTab, openMessagingTab, type Sabotage } from '../support/sim/messaging-tab.ts'
import { type Violation, violationsOf } from './queue-checks/index.ts'
import { owed } from './queue-checks/total.ts'
import { History } from './queue-history.ts'
import { QueueWorker, type Work } from './queue-worker.ts'

export const QUEUE = 'orders'
/** Where transactions bring everything, in stories that have them: what comes out of the first has come out of the story. */
const PIPED = ['bills', 'goods']

export interface StoryOptions {
  readonly tabs: number
  readonly settings?: Partial<QueueSettings>
  readonly sabotage?: Sabotage
  /** Consumers bring each message to other queues in a transaction, and what comes out there counts. */
  readonly isPiped?: boolean
  readonly work?: Partial<Work>
}

const SECOND = 1_000

/** One at a time, done at once. */
const PLAIN: Work = { hands: 1, holdMs: 0, failing: 0, prefetch: 4_096, isExclusive: false }

/**
 * A room whose tabs send to one queue and consume from it while they are killed, paused and cut off from each other, and the
 * history of what they asked for and what they were told.
 */
export class QueueStory {
  readonly sim: Simulation
  readonly tabs: MessagingTab[] = []
  readonly history = new History()
  readonly size: number
  readonly #keys: RoomKeys
  readonly #options: StoryOptions
  readonly #workers: (QueueWorker | undefined)[] = []
  work: Work
  #count = 0
  #haveMet = false

  private constructor(sim: Simulation, keys: RoomKeys, options: StoryOptions) {
    this.sim = sim
    this.size = options.tabs
    this.#keys = keys
    this.#options = options
    this.work = { ...PLAIN, ...options.work }
    this.history.copies = options.settings?.copies ?? 2
    this.history.last = options.isPiped ? (PIPED[0] as string) : QUEUE
  }

  static async begin(seed: number, options: StoryOptions): Promise<QueueStory> {
    const sim = createSimulation(seed, { path: { latencyMs: 5, jitterMs: 15 } })
    const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(seed))
    const story = new QueueStory(sim, keys, options)
    for (let index = 0; index < options.tabs; index++) await story.open(index)
    return story
  }

  async open(index: number): Promise<void> {
    const tab = await this.sim.settle(
      openMessagingTab(this.sim.tab(index), this.#keys, undefined, this.#options.sabotage),
    )
    this.tabs[index] = tab
    tab.room.onMembership(() => this.#lookWhoIsHere())
  }

  #lookWhoIsHere(): void {
    const seesAll = ({ room }: MessagingTab) => room.members().length === this.size
    if (this.#haveMet || this.tabs.length < this.size || !this.tabs.every(seesAll)) return
    this.#haveMet = true
    this.history.meets(this.now)
  }

  get now(): number {
    return this.sim.clock.now()
  }

  send(index: number, options: SendOptions = {}): void {
    const text = `${index}:${++this.#count}`
    this.sim.note(`send ${text}`)
    const { priority = 4, group, dedupId } = options
    const sending = { text, tab: index, queue: QUEUE, at: this.now, priority, group, dedupId, tx: undefined }
    const told = this.history.sends(sending)
    this.#queue(index)
      .send(text, { level: 'replicated', ...options })
      .then(
        (sent) => {
          this.sim.note(`sent ${text} ${sent.level}`)
          told(sent)
        },
        (error: unknown) => this.sim.note(`not sent ${text}: ${String(error)}`),
      )
  }

  consume(index: number): void {
    if (this.#workers[index]) return
    const { sim, history } = this
    const tab = this.tabs[index] as MessagingTab
    const worker = new QueueWorker(tab, sim, history, () => this.work)
    this.#workers[index] = worker
    if (this.#options.isPiped) {
      worker.bring(this.#queue(index), PIPED)
      for (const queue of PIPED) worker.finish(tab.messaging.queue(queue, this.#options.settings))
    } else worker.finish(this.#queue(index))
  }

  isConsuming(index: number): boolean {
    return this.#workers[index] !== undefined
  }

  stopConsuming(index: number): void {
    this.#workers[index]?.stop()
    this.#workers[index] = undefined
  }

  /** Index of the tab that owns the queue. */
  async owner(asked = 0): Promise<number> {
    const { owner } = await this.sim.settle(this.#queue(asked).stats())
    return this.tabs.findIndex(({ tab }) => tab.peerId === owner)
  }

  /** Its process dies, its loop with it. */
  kill(index: number): void {
    this.tabs[index]?.tab.kill()
    this.history.dies(index, this.now)
    this.#workers[index]?.die()
    this.#workers[index] = undefined
  }

  async return(index: number): Promise<void> {
    this.sim.tab(index).restart()
    await this.open(index)
    this.history.returns(index, this.now)
  }

  async restart(index: number): Promise<void> {
    this.kill(index)
    await this.sim.run(randomBelow(this.sim.random, 9_000))
    await this.return(index)
  }

  sleep(index: number, ms: number): void {
    this.sim.tab(index).pause(ms)
    this.history.sleeps(index, this.now, ms)
  }

  /** Nothing gets from some to others, nor back unless it is one way. */
  cut(from: readonly number[], to: readonly number[], options?: { readonly oneWay: boolean }): void {
    const ids = (indices: readonly number[]) => indices.map((index) => this.sim.tab(index).peerId)
    this.sim.network.partition(ids(from), ids(to), options)
    this.history.cut(this.now)
  }

  heal(): void {
    this.sim.network.heal()
    this.history.heal(this.now)
  }

  breakLink(a: number, b: number): void {
    this.sim.network.breakConnections(this.sim.tab(a).peerId, this.sim.tab(b).peerId)
  }

  setClock(index: number, byMs: number): void {
    this.sim.tab(index).setWall(byMs)
    this.history.clocks.push({ tab: index, at: this.now, byMs })
  }

  others(index: number): number[] {
    return this.tabs.flatMap((_, other) => (other === index ? [] : [other]))
  }

  /** Once the copies are made up again, since two copies survive the loss of one disk, not of two. */
  async loseDisk(index: number): Promise<void> {
    const { sim, history } = this
    this.heal()
    await sim.runUntil(() => this.#isIdle(), 240 * SECOND, 'everybody is here and nothing waits')
    await sim.run(20 * SECOND)
    this.kill(index)
    history.lostDisks.push({ tab: index, at: this.now })
    await sim.run(randomBelow(sim.random, 9 * SECOND))
    sim.tab(index).loseDisk()
    await this.return(index)
  }

  /** Everything heals, every tab is there, and all of them consume, without delay, until nothing is left. */
  async drain(): Promise<void> {
    this.heal()
    this.work = { ...this.work, holdMs: 0, failing: 0 }
    for (let index = 0; index < this.size; index++) this.consume(index)
    const isDrained = () => {
      const taken = new Set(this.history.cameOut())
      return [...owed(this.history)].every((text) => taken.has(text)) && this.#isIdle()
    }
    await this.sim.runUntil(isDrained, 240_000, 'everything that was confirmed has come out')
    // Leases of those who died, and what was sent and never confirmed.
    await this.sim.run(45_000)
    for (const name of this.#options.isPiped ? [QUEUE, ...PIPED] : [QUEUE]) {
      const queue = (this.tabs[0] as MessagingTab).messaging.queue(name, this.#options.settings)
      const stats = await this.sim.settle(queue.stats())
      if (stats.messages > 0)
        throw this.sim.failure(`${stats.messages} messages are left: ${JSON.stringify(stats)}`)
    }
  }

  /** Throws with the seed where the history has what it must not have; `checks`: only what these find. */
  assertSound(checks?: readonly string[]): void {
    const violations = violationsOf(this.history).filter(({ check }) => checks?.includes(check) ?? true)
    if (violations.length > 0) throw this.sim.failure(describe(violations))
  }

  /** Came more than once, which may be right. */
  get duplicated(): number {
    const ids = this.history.takes.map(({ id }) => id)
    return ids.length - new Set(ids).size
  }

  #isIdle(): boolean {
    return this.tabs.every(
      ({ messaging, room }) => messaging.waitingCount === 0 && room.members().length === this.size,
    )
  }

  #queue(index: number): Queue {
    return (this.tabs[index] as MessagingTab).messaging.queue(QUEUE, this.#options.settings)
  }
}

function describe(violations: readonly Violation[]): string {
  const lines = violations.slice(0, 10).map(({ check, what }) => `${check}: ${what}`)
  return `${violations.length} violations\n  ${lines.join('\n  ')}`
}
