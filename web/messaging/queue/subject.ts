import type { SelectorSubject } from '../selector/index.ts'
import type { Live } from './replica.ts'

/** A message as a selector sees it. */
export function subjectOf(
  { headers, priority, expiresAt, sentAt, size, source, tags }: Live,
  queue: string,
): SelectorSubject {
  return {
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
