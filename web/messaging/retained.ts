import { Matcher } from './pattern.ts'
import type { Queues } from './queue/index.ts'
import type { Message, Subscription } from './topic.ts'

/** The latest ids that a subscription has seen twice over: once retained, once as it was published. */
const MAX_SEEN = 10_000

/**
 * A subscription that begins with what the room retains of its topics. What is published meanwhile waits, and what came both
 * ways comes once.
 */
export function withRetained(
  queues: Queues,
  pattern: string,
  live: Subscription,
  signal: AbortSignal | undefined,
): Subscription {
  return {
    ready: live.ready,
    get dropped() {
      return live.dropped
    },
    [Symbol.asyncIterator]: () => messages(queues, new Matcher(pattern), live, signal),
  }
}

async function* messages(
  queues: Queues,
  matcher: Matcher,
  live: Subscription,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const seen = new Set<string>()
  const iterator = live[Symbol.asyncIterator]()
  const end = new AbortController()
  const all = signal ? AbortSignal.any([signal, end.signal]) : end.signal
  try {
    for await (const message of queues.retained(matcher, all)) {
      if (seen.size < MAX_SEEN) seen.add(message.id)
      yield message
    }
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      if (!seen.delete(next.value.id)) yield next.value
  } finally {
    end.abort(new DOMException('the loop has ended', 'AbortError'))
    await iterator.return?.()
  }
}
