import { type Clock, type PeerId, TabmeshError } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Encoded } from '../wire/index.ts'
import { MAX_BATCH_ITEMS } from './batch.ts'
import { MessagingError } from './errors.ts'
import { type Item, weightOf } from './item.ts'
import { CHANNEL_BATCH, METHOD_BATCH } from './messages.ts'

/** Body bytes of a batch on the control lane; larger messages go alone on the bulk lane. */
const SMALL_BATCH_BYTES = 16 * 1024
const ITEM_COST_BYTES = 64
/** A publisher waits while more than this is queued for a peer. */
export const PIPE_HIGH_BYTES = 256 * 1024
/** A peer that takes nothing for this long holds nobody up any longer: beyond the mark its oldest messages are dropped. */
export const PIPE_STALL_MS = 2_000
/** What publishers that never wait may queue for a peer. */
const PIPE_MAX_BYTES = 8 * 1024 * 1024
const LARGE_TIMEOUT_MS = 30_000

/** The way of messages without history to one peer: in order, batched, bounded. */
export class Pipe {
  readonly #room: Room
  readonly #clock: Clock
  readonly #to: PeerId
  readonly #encode: (items: readonly Item[]) => Encoded
  #queue: Item[] = []
  #queuedBytes = 0
  #isRunning = false
  #isStalled = false
  #isFenced = true
  #waiters: (() => void)[] = []
  #cancelStall: (() => void) | undefined
  dropped = 0

  constructor(room: Room, clock: Clock, to: PeerId, encode: (items: readonly Item[]) => Encoded) {
    this.#room = room
    this.#clock = clock
    this.#to = to
    this.#encode = encode
  }

  get isIdle(): boolean {
    return !this.#isRunning
  }

  /** Throws a MessagingError `outbox-full` when publishers do not wait. */
  push(item: Item): void {
    const bytes = sizeOf(item)
    if (this.#queuedBytes + bytes > PIPE_MAX_BYTES && !this.#isStalled) {
      throw new MessagingError('outbox-full', 'too many messages wait to be sent: await publish()')
    }
    this.#queue.push(item)
    this.#queuedBytes += bytes
    while (this.#isStalled && this.#queuedBytes > PIPE_HIGH_BYTES && this.#queue.length > 1)
      this.#dropOldest()
    if (this.#isRunning) return
    this.#isRunning = true
    queueMicrotask(() => void this.#run())
  }

  /** Undefined when there is room; else resolves when there is, or when the peer has stalled. */
  room(): Promise<void> | undefined {
    if (this.#queuedBytes <= PIPE_HIGH_BYTES || this.#isStalled) return undefined
    this.#cancelStall ??= this.#clock.after(PIPE_STALL_MS, () => {
      this.#isStalled = true
      while (this.#queuedBytes > PIPE_HIGH_BYTES && this.#queue.length > 1) this.#dropOldest()
      this.#wake()
    })
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** The peer has gone. */
  close(): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#wake()
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const items = this.#take()
      try {
        await this.#send(items)
      } catch (error) {
        // Without history a message that does not reach a peer is lost to it; a peer that has gone takes nothing more.
        if (isGone(error)) this.close()
      }
      this.#isStalled = false
      if (this.#queuedBytes <= PIPE_HIGH_BYTES) this.#wake()
    }
    this.#isRunning = false
  }

  async #send(items: readonly Item[]): Promise<void> {
    const isLarge = items.length === 1 && sizeOf(items[0] as Item) > SMALL_BATCH_BYTES
    if (!isLarge) {
      this.#isFenced = false
      return this.#room.notify(this.#to, CHANNEL_BATCH, this.#encode(items))
    }
    // The lanes keep no order between them: what went before on control is answered for first.
    if (!this.#isFenced) await this.#request([], 'control')
    this.#isFenced = true
    await this.#request(items, 'bulk')
  }

  async #request(items: readonly Item[], lane: 'control' | 'bulk'): Promise<void> {
    await this.#room.request(this.#to, METHOD_BATCH, this.#encode(items), {
      lane,
      timeoutMs: LARGE_TIMEOUT_MS,
    })
  }

  #take(): Item[] {
    let bytes = 0
    let count = 0
    for (const item of this.#queue) {
      bytes += sizeOf(item)
      if (count > 0 && (bytes > SMALL_BATCH_BYTES || count === MAX_BATCH_ITEMS)) {
        bytes -= sizeOf(item)
        break
      }
      count++
    }
    this.#queuedBytes -= bytes
    if (count === this.#queue.length) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    return this.#queue.splice(0, count)
  }

  #dropOldest(): void {
    const item = this.#queue.shift()
    if (!item) return
    this.#queuedBytes -= sizeOf(item)
    this.dropped++
  }

  #wake(): void {
    this.#cancelStall?.()
    this.#cancelStall = undefined
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}

function isGone(error: unknown): boolean {
  return error instanceof TabmeshError && (error.code === 'not-a-member' || error.code === 'closed')
}

function sizeOf(item: Item): number {
  return weightOf(item) + item.topic.length + ITEM_COST_BYTES
}
