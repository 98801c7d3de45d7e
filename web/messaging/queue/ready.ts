import { MAX_PRIORITY } from './queue-item.ts'
import type { Live } from './replica.ts'

/** Holes in a lane before it is packed. */
const MAX_HOLES = 1024

/** The ready messages of one priority in their order; `undefined` where one was taken. */
interface PriorityLane {
  slots: (Live | undefined)[]
  orders: number[]
  holes: number
}

/** Where a consumer is in each priority: it has seen everything of a lower order and wants none of it. Orders are whole numbers. */
export type Cursor = number[]

/**
 * Ready messages: highest priority first, then in their order. Finding the next one costs a binary search; a consumer
 * that is choosy keeps a {@link Cursor}, so that it looks at each message once.
 */
export class Ready {
  readonly #lanes: PriorityLane[] = Array.from({ length: MAX_PRIORITY + 1 }, () => ({
    slots: [],
    orders: [],
    holes: 0,
  }))
  #count = 0

  get count(): number {
    return this.#count
  }

  static cursor(): Cursor {
    return new Array<number>(MAX_PRIORITY + 1).fill(Number.NEGATIVE_INFINITY)
  }

  add(live: Live): void {
    const lane = this.#laneOf(live)
    this.#count++
    const last = lane.orders.at(-1)
    if (last === undefined || live.order > last) {
      lane.slots.push(live)
      lane.orders.push(live.order)
      return
    }
    const at = lowerBound(lane.orders, live.order)
    if (lane.orders[at] === live.order && lane.slots[at] === undefined) {
      // It comes back to where it was taken from.
      lane.slots[at] = live
      lane.holes--
      return
    }
    lane.slots.splice(at, 0, live)
    lane.orders.splice(at, 0, live.order)
  }

  /** False when it was not here. */
  remove(live: Live): boolean {
    const lane = this.#laneOf(live)
    for (let at = lowerBound(lane.orders, live.order); lane.orders[at] === live.order; at++) {
      if (lane.slots[at] !== live) continue
      lane.slots[at] = undefined
      lane.holes++
      this.#count--
      if (lane.holes > MAX_HOLES && lane.holes * 2 > lane.slots.length) pack(lane)
      return true
    }
    return false
  }

  /** The first that `accepts`; the cursor moves past those that it refuses for good. */
  next(cursor: Cursor, accepts: (live: Live) => 'yes' | 'never' | 'later'): Live | undefined {
    if (this.#count === 0) return undefined
    for (let priority = MAX_PRIORITY; priority >= 0; priority--) {
      const found = this.#nextIn(priority, cursor, accepts)
      if (found) return found
    }
    return undefined
  }

  /** The one of the lowest order, whatever its priority. */
  oldest(): Live | undefined {
    let oldest: Live | undefined
    for (const { slots } of this.#lanes) {
      const first = slots.find((live) => live !== undefined)
      if (first && (!oldest || first.order < oldest.order)) oldest = first
    }
    return oldest
  }

  /** A message that a consumer has passed is to be looked at again. */
  static rewind(cursor: Cursor, { priority, order }: Live): void {
    cursor[priority] = Math.min(cursor[priority] as number, order)
  }

  #nextIn(
    priority: number,
    cursor: Cursor,
    accepts: (live: Live) => 'yes' | 'never' | 'later',
  ): Live | undefined {
    const { slots, orders } = this.#lanes[priority] as PriorityLane
    let isSettled = true
    for (let at = lowerBound(orders, cursor[priority] as number); at < slots.length; at++) {
      const live = slots[at]
      const answer = live ? accepts(live) : 'never'
      if (answer === 'yes') return live
      if (answer === 'later') isSettled = false
      // Only what is refused for good up to here is never looked at again.
      if (isSettled) cursor[priority] = orders[at + 1] ?? (orders[at] as number) + 0.5
    }
    return undefined
  }

  #laneOf(live: Live): PriorityLane {
    return this.#lanes[live.priority] as PriorityLane
  }
}

function pack(lane: PriorityLane): void {
  const slots = lane.slots.filter((live) => live !== undefined)
  lane.slots = slots
  lane.orders = slots.map((live) => live.order)
  lane.holes = 0
}

/** Index of the first order that is not lower. */
function lowerBound(orders: readonly number[], order: number): number {
  let low = 0
  let high = orders.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((orders[middle] as number) < order) low = middle + 1
    else high = middle
  }
  return low
}
