import { MessagingError } from './errors.ts'
import { checkPattern, checkTopicName } from './pattern.ts'
import { type Delivery, type Queues, subscriptionQueue } from './queue/index.ts'
import { compileSelector } from './selector/index.ts'
import type { Message, SubscribeOptions, Subscription } from './topic.ts'

/**
 * A loop over a durable subscription, which begins if there is none of its name. A message is finished when the loop asks for
 * the next. Throws a MessagingError or a SelectorError; `ready` rejects with `settings-conflict`.
 */
export function subscribeDurably(
  queues: Queues,
  pattern: string,
  durable: string,
  options: SubscribeOptions,
): Subscription {
  checkPattern(pattern)
  checkTopicName(durable)
  const { selector = '', shared = false, history, from, bufferBytes, signal } = options
  if (selector !== '') compileSelector(selector)
  if (history || from !== undefined)
    throw new MessagingError(
      'bad-option',
      'a durable subscription takes a selector instead of `from`, and no `history`',
    )
  signal?.throwIfAborted()
  const bound = bind(queues, pattern, durable, selector)
  const end = new AbortController()
  const ended = signal ? AbortSignal.any([signal, end.signal]) : end.signal
  const consumption = queues.queue(subscriptionQueue(durable)).consume({
    exclusive: !shared,
    ...(bufferBytes === undefined ? {} : { prefetch: bufferBytes }),
    signal: ended,
  })
  bound.then(() => endWithName(queues, durable, end, ended)).catch(ignore)
  const ready = Promise.all([bound, consumption.ready]).then(() => undefined)
  ready.catch(() => {
    // The loop is told as well.
  })
  return { ready, dropped: 0, [Symbol.asyncIterator]: () => messages(bound, consumption, end) }
}

/** Ends it for the room. */
export async function unsubscribe(queues: Queues, durable: string): Promise<void> {
  checkTopicName(durable)
  const known = queues.bindings.get(durable)
  if (known) await queues.bindings.set(durable, undefined)
  await queues.queue(subscriptionQueue(durable)).purge()
}

async function bind(queues: Queues, pattern: string, durable: string, selector: string): Promise<void> {
  const known = queues.bindings.get(durable)
  if (!known) return queues.bindings.set(durable, { pattern, selector })
  if (known.pattern === pattern && known.selector === selector) return
  const text = `${durable} subscribes to ${known.pattern} already${known.selector === '' ? '' : ` where ${known.selector}`}: unsubscribe it first.`
  throw new MessagingError('settings-conflict', text)
}

/** Whoever unsubscribes the name, anywhere, ends its loops: what is published next waits for nobody. */
function endWithName(queues: Queues, durable: string, end: AbortController, ended: AbortSignal): void {
  const look = () => {
    if (queues.bindings.get(durable) === undefined) end.abort(new Unsubscribed())
  }
  const stop = queues.bindings.onChange(look)
  ended.addEventListener('abort', stop, { once: true })
  if (ended.aborted) stop()
  else look()
}

async function* messages(
  bound: Promise<void>,
  deliveries: AsyncIterable<Delivery>,
  end: AbortController,
): AsyncGenerator<Message, void, undefined> {
  try {
    await bound
    for await (const { id, address, body, headers, from, sentAt } of deliveries)
      yield { id, topic: address, body, headers, from, sentAt }
  } catch (error) {
    // A loop over what is no more has come to its end.
    if (!(error instanceof Unsubscribed)) throw error
  } finally {
    end.abort(new Unsubscribed())
  }
}

class Unsubscribed extends Error {}

function ignore(): void {
  // The loop is told.
}
