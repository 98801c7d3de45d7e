import { option } from '../base/index.ts'

/** Devices that a queue, or a message of a topic, may ask for. */
export const MAX_COPIES = 5

/**
 * `accepted`: on this device's disk, or for a topic without history handed to the links of those present. `stored`: on the disk of the
 * queue's owner, or for a topic with history of one other peer. `replicated`: on as many as the queue keeps copies, or for a topic
 * on `copies` devices; in a room that has fewer members on as many as there are.
 */
export type Level = 'accepted' | 'stored' | 'replicated'

const LEVELS: readonly Level[] = ['accepted', 'stored', 'replicated']

/** How safe a message is to be before its sender is told. */
export interface Wanted {
  readonly level: Level
  /** With `replicated`: how many copies are enough; undefined: as many as the queue keeps. */
  readonly copies?: number | undefined
}

/** Throws an OptionError. */
export function wantedOf(
  { level, copies }: { readonly level?: Level | undefined; readonly copies?: number | undefined },
  usual: Level,
): Wanted {
  if (level !== undefined) option.oneOf('level', level, LEVELS)
  if (copies !== undefined) option.count('copies', copies, { least: 1, most: MAX_COPIES })
  return { level: level ?? usual, copies }
}

/** The less safe of two. */
export function lesser(one: Level, other: Level): Level {
  return LEVELS.indexOf(one) < LEVELS.indexOf(other) ? one : other
}
