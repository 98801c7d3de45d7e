import { randomBelow } from '../../web/base/index.ts'
import type { Delivery, Queue } from '../../web/messaging/index.ts'
import type { Simulation } from '../support/sim/index.ts'
import type { MessagingTab } from '../support/sim/messaging-tab.ts'
import type { History, Loop, Take } from './queue-history.ts'

/** How a tab works on what it gets. */
export interface Work {
  /** Messages that it has in hand at once. */
  readonly hands: number
  /** How long it holds each, at most. */
  readonly holdMs: number
  /** The share of messages that it gives back. */
  readonly failing: number
  readonly prefetch: number
  readonly isExclusive: boolean
}

/** One tab's loops, and what it tells of each message: nothing once it has died. */
export class QueueWorker {
  readonly #tab: MessagingTab
  readonly #sim: Simulation
  readonly #history: History
  readonly #work: () => Work
  readonly #end = new AbortController()
  readonly #loops: Loop[] = []
  #isDead = false

  constructor(tab: MessagingTab, sim: Simulation, history: History, work: () => Work) {
    this.#tab = tab
    this.#sim = sim
    this.#history = history
    this.#work = work
  }

  /** Acks what comes. */
  finish(queue: Queue): void {
    void this.#run(queue, (take, delivery) => this.#ack(take, delivery))
  }

  /** Brings what comes to these queues, in a transaction. */
  bring(queue: Queue, to: readonly string[]): void {
    void this.#run(queue, (take, delivery) => this.#bring(take, delivery, to))
  }

  stop(): void {
    for (const loop of this.#loops) loop.to ??= this.#now
    this.#end.abort(new Error('enough'))
  }

  die(): void {
    this.#isDead = true
  }

  get #now(): number {
    return this.#sim.clock.now()
  }

  async #run(queue: Queue, handle: (take: Take, delivery: Delivery) => Promise<void>): Promise<void> {
    const { prefetch, isExclusive } = this.#work()
    const { index } = this.#tab.tab
    const loop = this.#history.begins({ tab: index, queue: queue.name, isExclusive, from: this.#now })
    this.#loops.push(loop)
    const options = { ack: 'individual', signal: this.#end.signal, prefetch, exclusive: isExclusive } as const
    let inHand = 0
    let wake: (() => void) | undefined
    try {
      for await (const delivery of queue.consume(options)) {
        if (this.#isDead) return
        const take = this.#takes(loop, delivery)
        inHand++
        void handle(take, delivery).finally(() => {
          inHand--
          wake?.()
        })
        while (inHand >= this.#work().hands)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } catch (error) {
      this.#sim.note(`loop ${index}: ${String(error)}`)
    }
  }

  #takes(loop: Loop, delivery: Delivery): Take {
    const { id, deliveryCount, priority, group } = delivery
    const text = String(delivery.body)
    this.#sim.note(`tab ${loop.tab} takes ${text} (${deliveryCount})`)
    return this.#history.comes({ at: this.#now, loop, text, id, deliveryCount, priority, group })
  }

  async #ack(take: Take, delivery: Delivery): Promise<void> {
    const isFailing = await this.#hold()
    await this.#settle(take, isFailing ? 'failed' : 'acked', isFailing ? delivery.nack() : delivery.ack())
  }

  /** What it has in hand for a while; true when it is to fail. */
  async #hold(): Promise<boolean> {
    const { holdMs, failing } = this.#work()
    const { random } = this.#sim
    const isFailing = failing > 0 && random.float() < failing
    if (holdMs > 0)
      await new Promise<void>(
        (resolve) => void this.#tab.tab.clock.after(randomBelow(random, holdMs), resolve),
      )
    return isFailing
  }

  async #settle(take: Take, how: 'acked' | 'failed', told: Promise<void>): Promise<void> {
    take.asked ??= { how, at: this.#now }
    await told.then(
      () => this.#ends(take, how),
      (error: unknown) => {
        this.#sim.note(`${how} ${take.text} refused: ${String(error)}`)
        this.#ends(take, 'refused')
      },
    )
  }

  #ends(take: Take, how: 'acked' | 'failed' | 'committed' | 'refused'): void {
    // A loop that has ended has given it back already.
    if (this.#isDead || (take.loop.to !== undefined && how !== 'committed')) return
    take.outcome = { how, at: this.#now }
  }

  async #bring(take: Take, delivery: Delivery, queues: readonly string[]): Promise<void> {
    const isFailing = await this.#hold()
    const { text, loop } = take
    const transfer = this.#history.brings({ tab: loop.tab, at: this.#now, ack: take, queues })
    const brought = `${text}#${transfer.name}`
    const { messaging } = this.#tab
    for (const queue of queues) {
      const rest = { priority: 4, group: undefined, dedupId: undefined, tx: transfer.name }
      this.#history.sends({ text: brought, tab: loop.tab, queue, at: this.#now, ...rest })
    }
    const work = messaging.transaction((tx) => {
      tx.ack(delivery)
      for (const queue of queues) tx.queue(queue).send(brought)
      if (isFailing) throw new Error('on second thoughts')
    })
    try {
      await work
      if (this.#isDead) return
      transfer.outcome = { how: 'committed', at: this.#now }
      this.#ends(take, 'committed')
    } catch (error) {
      this.#sim.note(`${transfer.name} of ${text} failed: ${String(error)}`)
      if (this.#isDead) return
      const isAborted = isFailing || (error as { code?: unknown }).code === 'aborted'
      if (isAborted) transfer.outcome = { how: 'aborted', at: this.#now }
      await this.#settle(take, 'failed', delivery.nack({ delayMs: 500 }))
    }
  }
}
