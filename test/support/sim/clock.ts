import { type Clock, delayOf } from '../../../web/base/index.ts'

interface Event {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** 2023-11-14T22:13:20Z: where every virtual wall clock starts. */
const WALL_START = 1_700_000_000_000

/**
 * Time that passes only when the test lets it. Events run in order of their time, then of their making. After each one all
 * promise work that it set off is done before the next: one turn of Node's loop, in which microtasks run to their end.
 */
export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #heap: Event[] = []
  /** Events run so far. */
  steps = 0

  now(): number {
    return this.#now
  }

  wall(): number {
    return WALL_START + this.#now
  }

  after(ms: number, run: () => void): () => void {
    const event: Event = {
      at: this.#now + delayOf(ms),
      order: this.#order++,
      run,
    }
    if (event.at < Infinity) this.#push(event)
    return () => {
      event.run = undefined
    }
  }

  /** The time of the next event; undefined when nothing is planned. */
  get nextAt(): number | undefined {
    while (this.#heap.length > 0 && !this.#heap[0]?.run) this.#pop()
    return this.#heap[0]?.at
  }

  /** Runs the next event and all promise work that it sets off. False when nothing is planned up to `limit`. */
  async step(limit: number): Promise<boolean> {
    const at = this.nextAt
    if (at === undefined || at > limit) {
      this.#now = Math.max(this.#now, limit)
      return false
    }
    const event = this.#pop() as Event
    this.#now = event.at
    this.steps++
    event.run?.()
    await drainPromises()
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[i] = heap[parent] as Event
      i = parent
    }
    heap[i] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!last || heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++
      if (!isBefore(heap[child] as Event, last)) break
      heap[i] = heap[child] as Event
      i = child
    }
    heap[i] = last
    return first
  }
}

/** Resolves when every promise that can settle without a further event has settled. */
export function drainPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/**
 * One node's view of a clock, which can stop: while it is paused its timers wait, as a blocked tab's do, and once it is
 * ended they never run. `now` goes on, as it does in a browser.
 */
export class GatedClock implements Clock {
  readonly #clock: Clock
  /** How far this device's clock is off. */
  wallOffset = 0
  #waiting: (() => void)[] | undefined
  #isEnded = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wall(): number {
    return this.#clock.wall() + this.wallOffset
  }

  after(ms: number, run: () => void): () => void {
    let isCancelled = false
    const fire = () => {
      if (isCancelled || this.#isEnded) return
      if (this.#waiting) this.#waiting.push(fire)
      else run()
    }
    const cancel = this.#clock.after(ms, fire)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  pause(): void {
    this.#waiting ??= []
  }

  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const fire of waiting) this.#clock.after(0, fire)
  }

  end(): void {
    this.#isEnded = true
  }
}
