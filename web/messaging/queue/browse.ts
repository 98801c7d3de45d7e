import { isRecord, type MessageId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { decodeBody, messageId } from '../item.ts'
import { compileSelector } from '../selector/index.ts'
import { readAll } from './messages.ts'
import type { BrowsedMessage } from './queue.ts'
import { type QueueItem, readItem } from './queue-item.ts'

/** Messages of one answer. */
const MAX_ANSWER = 1_000

/** Every message of a queue, oldest first; `ask` asks its owner for those after the given place. Throws a SelectorError. */
export async function* browseAll(
  selector: string,
  ask: (body: Readonly<Record<string, Value>>) => Promise<unknown>,
): AsyncGenerator<BrowsedMessage, void, undefined> {
  if (selector !== '') compileSelector(selector)
  let after: number | null = null
  for (;;) {
    const answer = await ask({ after, selector })
    const rows = isRecord(answer) ? readAll(answer['items'], MAX_ANSWER, readBrowsed) : undefined
    if (!rows) throw new MessagingError('malformed', 'the owner’s answer is none')
    for (const { item, attempts } of rows) {
      after = item.order
      const decoded = decodeBody(item.body)
      if (decoded) yield browsed(item, attempts, decoded.body)
    }
    if (rows.length === 0) return
  }
}

function readBrowsed(value: unknown): { readonly item: QueueItem; readonly attempts: number } | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const item = readItem(value[1])
  return item && Number.isSafeInteger(value[0]) ? { item, attempts: value[0] as number } : undefined
}

function browsed(item: QueueItem, attempts: number, body: unknown): BrowsedMessage {
  const { from, stream, number, headers, sentAt, priority, tags } = item
  const id: MessageId = messageId(from, stream, number)
  const { group, correlationId } = tags
  return { id, body, headers, from, sentAt, priority, group, correlationId, deliveryCount: attempts }
}
