import type { Headers } from '../item.ts'
import type { SelectorSubject } from '../selector/index.ts'
import type { LayeredSettings } from './address-settings.ts'
import type { Routes } from './bindings.ts'
import type { Diverts } from './diverts.ts'
import { DEFAULT_PRIORITY } from './queue-item.ts'

/** Where a topic's message goes besides to those who subscribe now. */
export interface Routing {
  /** Queues of durable subscriptions and diverts. */
  readonly queues: readonly string[]
  /** It goes there instead: nobody who subscribes gets it, and it is not retained. */
  readonly isExclusive: boolean
  /** The queue that keeps it for later subscribers, and for how long (0: without end). */
  readonly retained: { readonly queue: string; readonly ttlMs: number } | undefined
}

/** The queue behind a durable subscription. */
export function subscriptionQueue(name: string): string {
  return `SUB.${name}`
}

/** The name of the subscription behind which such a queue stands. */
export function subscriptionOf(queue: string): string | undefined {
  return queue.startsWith('SUB.') ? queue.slice(4) : undefined
}

/** The queue in which a topic's latest messages wait for later subscribers. */
export function retainedQueue(topic: string): string {
  return `RET.${topic}`
}

/** The topic of such a queue. */
export function retainedTopic(queue: string): string | undefined {
  return queue.startsWith('RET.') ? queue.slice(4) : undefined
}

export function routingOf(
  topic: string,
  headers: Headers,
  size: number,
  from: string,
  sentAt: number,
  { routes, diverts, settings }: { routes: Routes; diverts: Diverts; settings: LayeredSettings },
): Routing {
  const unknown = { id: undefined, correlationId: undefined }
  const head = { ...unknown, priority: DEFAULT_PRIORITY, expiresAt: 0, isDurable: true, group: undefined }
  const subject: SelectorSubject = { ...head, headers, size, from, sentAt, address: topic }
  const { queues: diverted, isExclusive } = diverts.of(topic, subject)
  if (isExclusive) return { queues: diverted, isExclusive, retained: undefined }
  const wanting = [...routes.matching(topic)].filter(({ selector }) => !selector || selector.matches(subject))
  const queues = [...wanting.map(({ name }) => subscriptionQueue(name)), ...diverted]
  const { retain = 0, retainMs = 0 } = settings.of(topic)
  const retained = retain > 0 ? { queue: retainedQueue(topic), ttlMs: retainMs } : undefined
  return { queues, isExclusive, retained }
}
