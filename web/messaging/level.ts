import { MessagingError } from './errors.ts'

/** Devices that a queue, or a message of a topic, may ask for. */
export const MAX_COPIES = 5

/**
 * `accepted`: on this device's disk, or for a topic without history handed to the links of those present. `stored`: on the disk of the
 * queue's owner, or for a topic with history of one other peer. `replicated`: on as many as the queue keeps copies, or for a topic
 * on `copies` devices; in a room that has fewer members on as many as there are.
 */
export type Level = 'accepted' | 'stored' | 'replicated'

const LEVELS: readonly unknown[] = ['accepted', 'stored', 'replicated'] satisfies readonly Level[]

/** How safe a message is to be before its sender is told. */
export interface Wanted {
  readonly level: Level
  /** With `replicated`: how many copies are enough; undefined: as many as the queue keeps. */
  readonly copies?: number | undefined
}

/** Throws a MessagingError `bad-option`. */
export function wantedOf(
  { level, copies }: { readonly level?: Level | undefined; readonly copies?: number | undefined },
  usual: Level,
): Wanted {
  if (level !== undefined && !LEVELS.includes(level))
    throw new MessagingError('bad-option', 'level must be accepted, stored or replicated')
  if (copies !== undefined && (!Number.isInteger(copies) || copies < 1 || copies > MAX_COPIES))
    throw new MessagingError('bad-option', `copies must be 1 to ${MAX_COPIES}`)
  return { level: level ?? usual, copies }
}

/** The less safe of two. */
export function lesser(one: Level, other: Level): Level {
  return LEVELS.indexOf(one) < LEVELS.indexOf(other) ? one : other
}
