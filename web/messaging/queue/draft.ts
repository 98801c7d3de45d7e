import { MessagingError } from '../errors.ts'
import { checkHeaders, encodeBody, type Headers } from '../item.ts'
import type { SendOptions } from './queue.ts'
import { DEFAULT_PRIORITY, type Draft, isDuration, isPriority, readTags } from './queue-item.ts'

/** A message in the outbox. Its times are absolute, by this device's clock. */
export interface OutboxDraft extends Omit<Draft, 'number' | 'ttlMs' | 'delayMs'> {
  readonly expiresAt: number
  readonly deliverAt: number
}

/** What a user sends. Throws a MessagingError. */
export function draftOf(body: unknown, options: SendOptions, wall: number): OutboxDraft {
  const { priority = DEFAULT_PRIORITY, ttlMs = 0, delayMs = 0, headers } = options
  if (!isPriority(priority)) throw new MessagingError('bad-option', 'priority must be 0 to 9')
  if (!isDuration(ttlMs)) throw new MessagingError('bad-option', 'ttlMs must be 0 or more milliseconds')
  if (!isDuration(delayMs)) throw new MessagingError('bad-option', 'delayMs must be 0 or more milliseconds')
  const { group, dedupId, replyTo, correlationId } = options
  const tags = readTags({ group, dedupId, replyTo, correlationId })
  if (!tags)
    throw new MessagingError(
      'bad-option',
      'group, dedupId, replyTo and correlationId are texts of 1 to 255 characters',
    )
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
