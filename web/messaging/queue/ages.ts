import { MAX_DURATION_MS, type QueueItem } from './queue-item.ts'

// Between members an instant is told as how long it is from now: two clocks may be hours apart.

type Times = Pick<QueueItem, 'expiresAt' | 'deliverAt'>

/** Its times as what is left of them; 0 stays 0. */
export function toRest<T extends Times>(item: T, wall: number): T {
  const { expiresAt, deliverAt } = item
  if (expiresAt === 0 && deliverAt === 0) return item
  // What is over is not what never ends.
  return {
    ...item,
    expiresAt: expiresAt > 0 ? Math.max(1, expiresAt - wall) : 0,
    deliverAt: restOf(deliverAt, wall),
  }
}

/** The other way, by the clock of who hears it. */
export function fromRest<T extends Times>(item: T, wall: number): T {
  const { expiresAt, deliverAt } = item
  if (expiresAt === 0 && deliverAt === 0) return item
  return { ...item, expiresAt: instantOf(expiresAt, wall), deliverAt: instantOf(deliverAt, wall) }
}

/** 0 for what has been. */
export function restOf(instant: number, wall: number): number {
  return Math.max(0, instant - wall)
}

/** 0 stays 0. */
export function instantOf(rest: number, wall: number): number {
  return rest > 0 ? wall + Math.min(rest, MAX_DURATION_MS) : 0
}
