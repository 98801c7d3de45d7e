import { deriveRoom, type MemoryPath } from '../../web/mesh/index.ts'
import type { ConsumeOptions, Delivery, Queue, QueueSettings } from '../../web/messaging/index.ts'
import { createSimulation, type Simulation } from './sim/index.ts'
import { type MessagingTab, openMessagingTab, type Sabotage } from './sim/messaging-tab.ts'

/** What a loop over a queue got, and how it goes on. */
export interface Loop {
  readonly got: Delivery[]
  readonly bodies: readonly unknown[]
  readonly errors: unknown[]
  /** Breaks out at the next message or at once when it waits. */
  stop(): void
}

/** A simulated room of some tabs that use queues; every wait is virtual time. */
export class QueueRoom {
  readonly sim: Simulation
  readonly tabs: MessagingTab[]
  readonly #open: (index: number) => Promise<MessagingTab>

  private constructor(sim: Simulation, open: (index: number) => Promise<MessagingTab>, tabs: MessagingTab[]) {
    this.sim = sim
    this.tabs = tabs
    this.#open = open
  }

  static async open(
    count: number,
    seed = 1,
    path: Partial<MemoryPath> = {},
    sabotage: Sabotage = {},
  ): Promise<QueueRoom> {
    const sim = createSimulation(seed, { path })
    const keys = await deriveRoom(sim.crypto, new Uint8Array(32).fill(7))
    const open = (index: number) => sim.settle(openMessagingTab(sim.tab(index), keys, undefined, sabotage))
    const tabs: MessagingTab[] = []
    for (let index = 0; index < count; index++) tabs.push(await open(index))
    const room = new QueueRoom(sim, open, tabs)
    await room.meets()
    return room
  }

  async meets(): Promise<void> {
    const { tabs, sim } = this
    await sim.runUntil(
      () => tabs.every(({ room }) => room.members().length === tabs.length),
      20_000,
      'they meet',
    )
    // What they know of queues is told as well.
    await sim.run(3_000)
  }

  queue(index: number, name = 'orders', settings: Partial<QueueSettings> = {}): Queue {
    return (this.tabs[index] as MessagingTab).messaging.queue(name, settings)
  }

  settle<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.sim.settle(promise, limitMs)
  }

  /** Joins as one more. */
  async joins(): Promise<number> {
    this.tabs.push(await this.#open(this.tabs.length))
    await this.meets()
    return this.tabs.length - 1
  }

  /** The tab's process dies; {@link returns} brings it back with its disk. */
  kill(index: number): void {
    this.tabs[index]?.tab.kill()
  }

  async returns(index: number): Promise<void> {
    this.sim.tab(index).restart()
    this.tabs[index] = await this.#open(index)
  }

  /** Index of the tab that owns the queue. */
  async owner(name = 'orders', asked = 0): Promise<number> {
    const { owner } = await this.settle(this.queue(asked, name).stats())
    return this.tabs.findIndex(({ tab }) => tab.peerId === owner)
  }

  /** A loop that hands each delivery to `handle` before it asks for the next. */
  loop(
    index: number,
    options: ConsumeOptions & { readonly queue?: string } = {},
    handle?: (delivery: Delivery) => unknown,
  ): Loop {
    const { queue = 'orders', ...rest } = options
    const end = new AbortController()
    const got: Delivery[] = []
    const errors: unknown[] = []
    const consumption = this.queue(index, queue).consume({ ...rest, signal: end.signal })
    void (async () => {
      try {
        for await (const delivery of consumption) {
          got.push(delivery)
          await handle?.(delivery)
        }
      } catch (error) {
        errors.push(error)
      }
    })()
    return {
      got,
      errors,
      get bodies() {
        return got.map(({ body }) => body)
      },
      stop: () => end.abort(new Error('stopped')),
    }
  }
}

/** What `work` rejects with; throws when it does not. */
export async function failureOf(
  work: Promise<unknown>,
): Promise<{ readonly code?: string; readonly message: string }> {
  try {
    await work
  } catch (error) {
    return error as { readonly code?: string; readonly message: string }
  }
  throw new Error('it should have failed')
}
