import { entriesOf, isRecord, OptionError, option, TabmeshError } from '../../base/index.ts'
import { MAX_COPIES } from '../level.ts'
import { compileSelector } from '../selector/index.ts'
import { MAX_DURATION_MS } from './queue-item.ts'

/** What an owner does with a message that finds its queue full. */
export type FullPolicy = 'block' | 'drop-oldest' | 'fail'

/** How a queue behaves, for all of its users. Defaults are Artemis' unless they say otherwise. */
export interface QueueSettings {
  /** Devices that keep each message, as far as there are as many. Default 2 (Artemis: one broker and its backup). */
  readonly copies: number
  /** Attempts before a message goes to the dead letters; -1 for no end. Default 10. */
  readonly maxDeliveries: number
  /** Before a failed message is tried again. Default 0. */
  readonly redeliveryDelayMs: number
  /** Each further delay is so much longer. Default 1. */
  readonly redeliveryMultiplier: number
  /** The longest delay. Default: ten times the first. */
  readonly maxRedeliveryDelayMs: number
  /** Delays vary by this share up and down, 0 to 1. Default 0. */
  readonly redeliveryJitter: number
  /** Messages; more meet {@link whenFull}. Default 1,000,000 (Artemis: no limit; a tab's memory has one). */
  readonly maxMessages: number
  /** Bytes; more meet {@link whenFull}. Default 1 GiB. */
  readonly maxBytes: number
  /** Default `block`: senders wait, their messages stay in their outboxes. Messages always lie on disk, so none need to spill. */
  readonly whenFull: FullPolicy
  /** A selector: what it does not match is not added, and its sender is told of 0 copies. Default '': everything is. */
  readonly filter: string
  /** Keeps only the newest so many; older ones go. Default 0: all. */
  readonly ringSize: number
  /** A message replaces the one with the same value of this header. Default '': none does. */
  readonly lastValueKey: string
  /** Consumers read and nothing is removed. Default false. */
  readonly nonDestructive: boolean
  /** One consumer at a time gets messages. Default false. */
  readonly exclusive: boolean
  /** It goes, with its settings, once it is empty and nobody has used it for 30 s. Default true (as Artemis looks every 30 s). */
  readonly autoDelete: boolean
}

export const DEFAULT_SETTINGS: QueueSettings = {
  copies: 2,
  maxDeliveries: 10,
  redeliveryDelayMs: 0,
  redeliveryMultiplier: 1,
  maxRedeliveryDelayMs: 0,
  redeliveryJitter: 0,
  maxMessages: 1_000_000,
  maxBytes: 2 ** 30,
  whenFull: 'block',
  filter: '',
  ringSize: 0,
  lastValueKey: '',
  nonDestructive: false,
  exclusive: false,
  autoDelete: true,
}

const MAX_MESSAGES = 10_000_000

const CHECKS: { readonly [name in keyof QueueSettings]: (value: unknown) => boolean } = {
  copies: (value) => isWhole(value, 1, MAX_COPIES),
  maxDeliveries: (value) => value === -1 || isWhole(value, 1, 1_000),
  redeliveryDelayMs: (value) => isWithin(value, 0, MAX_DURATION_MS),
  redeliveryMultiplier: (value) => isWithin(value, 1, 100),
  maxRedeliveryDelayMs: (value) => isWithin(value, 0, MAX_DURATION_MS),
  redeliveryJitter: (value) => isWithin(value, 0, 1),
  maxMessages: (value) => isWhole(value, 1, MAX_MESSAGES),
  maxBytes: (value) => isWhole(value, 1, Number.MAX_SAFE_INTEGER),
  whenFull: (value) => value === 'block' || value === 'drop-oldest' || value === 'fail',
  filter: (value) => typeof value === 'string' && (value === '' || compileSelector(value) !== undefined),
  ringSize: (value) => isWhole(value, 0, MAX_MESSAGES),
  lastValueKey: (value) => typeof value === 'string' && value.length <= 64 && value.isWellFormed(),
  nonDestructive: (value) => typeof value === 'boolean',
  exclusive: (value) => typeof value === 'boolean',
  autoDelete: (value) => typeof value === 'boolean',
}

const NAMES = Object.keys(CHECKS) as (keyof QueueSettings)[]

/** Throws an OptionError that names the setting, or a SelectorError. */
export function checkSettings(given: Partial<QueueSettings>): Partial<QueueSettings> {
  for (const [name, value] of Object.entries(option.names('a queue', given, NAMES)))
    if (!CHECKS[name as keyof QueueSettings](value))
      throw new OptionError(name, value, 'must be within its bounds')
  return given
}

/** Undefined for what is no full set of settings. One that the writer's build did not know yet has its default. */
export function readSettings(value: unknown): QueueSettings | undefined {
  if (!isRecord(value) || !Object.hasOwn(value, 'copies')) return undefined
  const known = NAMES.filter((name) => Object.hasOwn(value, name))
  const settings = { ...DEFAULT_SETTINGS, ...Object.fromEntries(known.map((name) => [name, value[name]])) }
  return readPartialSettings(settings) as QueueSettings | undefined
}

/** Undefined for what is no set of settings. */
export function readPartialSettings(value: unknown): Partial<QueueSettings> | undefined {
  const entries = entriesOf(value, NAMES.length)
  if (!entries) return undefined
  try {
    return { ...checkSettings(Object.fromEntries(entries) as Partial<QueueSettings>) }
  } catch (error) {
    if (error instanceof TabmeshError) return undefined
    throw error
  }
}

/** The first setting that `wanted` names and that is not so. */
export function conflictOf(
  settings: QueueSettings,
  wanted: Partial<QueueSettings>,
): keyof QueueSettings | undefined {
  return NAMES.find((name) => wanted[name] !== undefined && wanted[name] !== settings[name])
}

/** How long a message waits after so many failed attempts; `chance` in [0, 1). */
export function redeliveryDelay(settings: QueueSettings, attempts: number, chance: number): number {
  const { redeliveryDelayMs, redeliveryMultiplier, redeliveryJitter } = settings
  const longest = settings.maxRedeliveryDelayMs || redeliveryDelayMs * 10
  const grown = Math.min(redeliveryDelayMs * redeliveryMultiplier ** (attempts - 1), longest)
  return grown * (1 + redeliveryJitter * (chance * 2 - 1))
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && isWithin(value, least, most)
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most
}
