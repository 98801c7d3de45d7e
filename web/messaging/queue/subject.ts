import type { PeerId } from '../../base/index.ts'
import { messageId } from '../item.ts'
import { compileSelector, type Selector, type SelectorSubject } from '../selector/index.ts'
import type { Live } from './live.ts'
import type { Draft } from './queue-item.ts'

/** A message as a selector sees it. */
export function subjectOf(
  { headers, priority, expiresAt, sentAt, size, source, number, tags }: Live,
  queue: string,
): SelectorSubject {
  return {
    // Made when it is asked for: few selectors do.
    get id() {
      return messageId(source.from, source.stream, number)
    },
    correlationId: tags.correlationId,
    headers,
    priority,
    expiresAt,
    isDurable: true,
    sentAt,
    size,
    from: source.from,
    address: tags.address ?? queue,
    group: tags.group,
  }
}

/** One that is not in the queue yet. */
export function draftSubject(
  { headers, priority, sentAt, ttlMs, body, number, tags }: Draft,
  from: PeerId,
  stream: string,
  queue: string,
): SelectorSubject {
  const expiresAt = ttlMs > 0 ? sentAt + ttlMs : 0
  const { address = queue, group } = tags
  return {
    get id() {
      return messageId(from, stream, number)
    },
    correlationId: tags.correlationId,
    headers,
    priority,
    expiresAt,
    isDurable: true,
    sentAt,
    size: body.byteLength,
    from,
    address,
    group,
  }
}

/** What somebody selects by: undefined for everything. Throws a SelectorError. */
export function selectorOf(text: unknown): Selector | undefined {
  return typeof text === 'string' && text !== '' ? compileSelector(text) : undefined
}
