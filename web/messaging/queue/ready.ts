import type { Live } from './live.ts'
import { MAX_PRIORITY } from './queue-item.ts'

/** Holes in a lane before it is packed. */
const MAX_HOLES = 1024

/** The ready messages of one priority in their order; `undefined` where one was taken. */
interface PriorityLane {
  slots: (Live | undefined)[]
  orders: number[]
  holes: number
}

/** Where a consumer is in one priority. Orders are whole numbers. */
interface Place {
  /** It has looked at everything of a lower order, and got none of it but by `back`. */
  passed: number
  /** What has come since, of a lower order: it is to be looked at. In its order. */
  back: Live[]
  /** The first that it passed and may want later. */
  refused: number
}

/** Where a consumer is in each priority. */
export type Cursor = readonly Place[]

/**
 * Ready messages: highest priority first, then in their order. Finding the next one costs a binary search; each consumer
 * keeps a {@link Cursor}, so that it looks at each message once.
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
    return Array.from({ length: MAX_PRIORITY + 1 }, () => ({
      passed: Number.NEGATIVE_INFINITY,
      back: [],
      refused: Number.POSITIVE_INFINITY,
    }))
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
    const at = lowerBound(lane.orders, live.order, itself)
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
    const at = this.#find(live)
    if (at === undefined) return false
    lane.slots[at] = undefined
    lane.holes++
    this.#count--
    if (lane.holes > MAX_HOLES && lane.holes * 2 > lane.slots.length) pack(lane)
    return true
  }

  #find(live: Live): number | undefined {
    const { orders, slots } = this.#laneOf(live)
    for (let at = lowerBound(orders, live.order, itself); orders[at] === live.order; at++)
      if (slots[at] === live) return at
    return undefined
  }

  /** The first that `accepts`, which is then taken or passed. The cursor moves past those that it refuses, `later` until {@link again}. */
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

  /** A message has come: where the consumer is past its place, it is to be looked at. */
  static came(cursor: Cursor, live: Live): void {
    const place = cursor[live.priority] as Place
    if (live.order >= place.passed) return
    const at = lowerBound(place.back, live.order, orderOf)
    for (let same = at; place.back[same]?.order === live.order; same++) if (place.back[same] === live) return
    place.back.splice(at, 0, live)
  }

  /** What was refused until later may be wanted now. */
  static again(cursor: Cursor): void {
    for (const place of cursor) {
      place.passed = Math.min(place.passed, place.refused)
      place.refused = Number.POSITIVE_INFINITY
      // From there on it looks at all of them.
      place.back = place.back.filter(({ order }) => order < place.passed)
    }
  }

  /** The consumer has seen one that stays. */
  static pass(cursor: Cursor, { priority, order }: Pick<Live, 'priority' | 'order'>): void {
    const place = cursor[priority] as Place
    place.passed = Math.max(place.passed, order + 0.5)
  }

  #nextIn(
    priority: number,
    cursor: Cursor,
    accepts: (live: Live) => 'yes' | 'never' | 'later',
  ): Live | undefined {
    const place = cursor[priority] as Place
    for (let live = place.back.shift(); live; live = place.back.shift())
      if (this.#find(live) !== undefined && answers(place, live, accepts) === 'yes') return live
    const { slots, orders } = this.#lanes[priority] as PriorityLane
    for (let at = lowerBound(orders, place.passed, itself); at < slots.length; at++) {
      const live = slots[at]
      if (live && answers(place, live, accepts) === 'yes') return live
      place.passed = orders[at + 1] ?? (orders[at] as number) + 0.5
    }
    return undefined
  }

  #laneOf(live: Live): PriorityLane {
    return this.#lanes[live.priority] as PriorityLane
  }
}

function answers(
  place: Place,
  live: Live,
  accepts: (live: Live) => 'yes' | 'never' | 'later',
): 'yes' | 'never' | 'later' {
  const answer = accepts(live)
  if (answer === 'later') place.refused = Math.min(place.refused, live.order)
  return answer
}

function pack(lane: PriorityLane): void {
  const slots = lane.slots.filter((live) => live !== undefined)
  lane.slots = slots
  lane.orders = slots.map((live) => live.order)
  lane.holes = 0
}

function itself(order: number): number {
  return order
}

function orderOf({ order }: Live): number {
  return order
}

/** Of a list in the order of `orderOf`: index of the first that is not lower. */
function lowerBound<One>(list: readonly One[], order: number, orderOf: (one: One) => number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (orderOf(list[middle] as One) < order) low = middle + 1
    else high = middle
  }
  return low
}
