import { option } from '../../base/index.ts'
import { checkHeaders, encodeBody, type Headers } from '../item.ts'
import type { SendOptions } from './queue.ts'
import {
  DEFAULT_PRIORITY,
  type Draft,
  MAX_DURATION_MS,
  MAX_PRIORITY,
  MAX_TAG_LENGTH,
  readTags,
} from './queue-item.ts'

/** A message in the outbox. Its times are absolute, by this device's clock. */
export interface OutboxDraft extends Omit<Draft, 'number' | 'ttlMs' | 'delayMs'> {
  readonly expiresAt: number
  readonly deliverAt: number
}

/** What is said of a message, and how its sender waits for it. */
export const MESSAGE_OPTIONS = [
  'headers',
  'priority',
  'group',
  'ttlMs',
  'delayMs',
  'dedupId',
  'replyTo',
  'correlationId',
] as const
export const SEND_OPTIONS = [...MESSAGE_OPTIONS, 'level', 'copies', 'signal'] as const

const TAG_LENGTH = { least: 1, most: MAX_TAG_LENGTH }
const DURATION = { most: MAX_DURATION_MS }

/** What a user sends. Throws an OptionError or, of the body, a MessagingError. */
export function draftOf(body: unknown, options: SendOptions, wall: number): OutboxDraft {
  const { priority = DEFAULT_PRIORITY, ttlMs = 0, delayMs = 0, headers } = options
  option.count('priority', priority, { most: MAX_PRIORITY })
  option.durationMs('ttlMs', ttlMs, DURATION)
  option.durationMs('delayMs', delayMs, DURATION)
  const { group, dedupId, replyTo, correlationId } = options
  const given = { group, dedupId, replyTo, correlationId }
  for (const [name, text] of Object.entries(given))
    if (text !== undefined) option.text(name, text, TAG_LENGTH)
  const tags = readTags(given) ?? {}
  const expiresAt = ttlMs > 0 ? wall + ttlMs : 0
  const deliverAt = delayMs > 0 ? wall + delayMs : 0
  const checked = checkHeaders(headers)
  return { priority, sentAt: wall, expiresAt, deliverAt, body: encodeBody(body), headers: checked, tags }
}

/** A topic's message on its way to a queue. */
export function draftOfTopic(
  topic: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Headers,
  wall: number,
): OutboxDraft {
  return {
    ...{ priority: DEFAULT_PRIORITY, sentAt: wall, expiresAt: 0, deliverAt: 0, body, headers },
    tags: { address: topic },
  }
}

/** `ttlMs` 0: it stays as it is. */
export function expiring(draft: OutboxDraft, ttlMs: number): OutboxDraft {
  return ttlMs > 0 ? { ...draft, expiresAt: draft.sentAt + ttlMs } : draft
}
