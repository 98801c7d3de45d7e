import { type PeerId, Stream } from '../base/index.ts'
import { MessagingError } from './errors.ts'
import { decodeBody, type Item, messageId } from './item.ts'
import { checkPattern, Matcher } from './pattern.ts'
import { compileSelector, type Selector, type SelectorSubject } from './selector/index.ts'
import type { Message, SubscribeOptions, Subscription } from './topic.ts'

/** Artemis' consumer window. */
const DEFAULT_BUFFER_BYTES = 1024 * 1024
/** JMS' default. */
const DEFAULT_PRIORITY = 4
/** What a message costs beside its body while it waits. */
const MESSAGE_COST_BYTES = 128
/** Topics whose subscriptions are remembered. */
const MAX_REMEMBERED = 4096

interface Entry {
  readonly pattern: string
  readonly matcher: Matcher
  readonly from: PeerId | undefined
  readonly selector: Selector | undefined
  readonly stream: Stream<Sized>
}

/** A kept message, with the bytes of its body. */
export interface EarlierMessage {
  readonly message: Message
  readonly bytes: number
}

/** A message with what it costs while it waits for its reader. */
class Sized implements Message {
  readonly id: Message['id']
  readonly topic: string
  readonly body: unknown
  readonly headers: Message['headers']
  readonly from: PeerId
  readonly sentAt: number
  readonly #bytes: number

  constructor(message: Message, bytes: number) {
    this.id = message.id
    this.topic = message.topic
    this.body = message.body
    this.headers = message.headers
    this.from = message.from
    this.sentAt = message.sentAt
    this.#bytes = bytes
  }

  static bytesOf(message: Sized): number {
    return message.#bytes
  }
}

/** This node's own subscriptions, whoever publishes. */
export class Subscriptions {
  readonly #entries = new Set<Entry>()
  readonly #byTopic = new Map<string, readonly Entry[]>()
  readonly #onChange: () => Promise<void>
  #isClosed = false

  /** `onChange` tells the members and resolves when they know. */
  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange
  }

  /** Distinct, in the order of their making. */
  patterns(): readonly string[] {
    return [...new Set([...this.#entries].map((entry) => entry.pattern))]
  }

  /** `earlier` comes first, oldest first. Throws a MessagingError `bad-name`, `bad-option` or `closed`, or a SelectorError. */
  add(
    pattern: string,
    options: SubscribeOptions,
    earlier: (matcher: Matcher) => Iterable<EarlierMessage>,
  ): Subscription {
    checkPattern(pattern)
    options.signal?.throwIfAborted()
    if (this.#isClosed) throw new MessagingError('closed', 'this node has ended')
    const entry = this.#entry(pattern, options)
    if (options.history) {
      for (const { message, bytes } of earlier(entry.matcher))
        this.#push(entry, new Sized(message, bytes + MESSAGE_COST_BYTES))
    }
    this.#entries.add(entry)
    this.#byTopic.clear()
    const ready = this.#onChange()
    ready.catch(() => {
      // Whoever does not wait for it is not told that the node ended first.
    })
    return toSubscription(entry.stream, ready)
  }

  /** True when somebody here wants this topic. */
  wants(topic: string): boolean {
    return this.#matching(topic).length > 0
  }

  /** Hands a message to every subscription that it fits; false when its body is no value. */
  deliver(item: Item, from: PeerId, stream: string): boolean {
    const entries = this.#matching(item.topic)
    if (entries.length === 0) return true
    const decoded = decodeBody(item.body)
    if (!decoded) return false
    const { topic, headers, sentAt } = item
    const id = messageId(from, stream, item.number)
    const bytes = item.body.byteLength + MESSAGE_COST_BYTES
    const message = new Sized({ id, topic, body: decoded.body, headers, from, sentAt }, bytes)
    for (const entry of entries) this.#push(entry, message)
    return true
  }

  close(): void {
    this.#isClosed = true
    for (const entry of [...this.#entries]) entry.stream.end()
  }

  #push(entry: Entry, message: Sized): void {
    if (entry.from !== undefined && entry.from !== message.from) return
    if (!entry.selector || entry.selector.matches(subjectOf(message))) entry.stream.push(message)
  }

  #entry(pattern: string, options: SubscribeOptions): Entry {
    const capacity = options.bufferBytes ?? DEFAULT_BUFFER_BYTES
    const selector = options.selector === undefined ? undefined : compileSelector(options.selector)
    const onAbort = () => stream.end(options.signal?.reason)
    const stream = new Stream<Sized>({
      capacity,
      overflow: 'drop-oldest',
      sizeOf: Sized.bytesOf,
      onEnd: () => {
        options.signal?.removeEventListener('abort', onAbort)
        this.#remove(entry)
      },
    })
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const entry: Entry = { pattern, matcher: new Matcher(pattern), from: options.from, selector, stream }
    return entry
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry) || this.#isClosed) return
    this.#byTopic.clear()
    this.#onChange().catch(() => {
      // Members that hear of it late send a little more than is wanted here, and it is dropped on arrival.
    })
  }

  #matching(topic: string): readonly Entry[] {
    const known = this.#byTopic.get(topic)
    if (known) return known
    const found = [...this.#entries].filter((entry) => entry.matcher.matches(topic))
    if (this.#byTopic.size >= MAX_REMEMBERED) this.#byTopic.clear()
    this.#byTopic.set(topic, found)
    return found
  }
}

/** A topic's message has the default priority, and no end. */
function subjectOf(message: Sized): SelectorSubject {
  const { headers, sentAt, from, topic } = message
  const size = Sized.bytesOf(message)
  return {
    id: message.id,
    correlationId: undefined,
    headers,
    priority: DEFAULT_PRIORITY,
    expiresAt: 0,
    isDurable: false,
    sentAt,
    size,
    from,
    address: topic,
    group: undefined,
  }
}

function toSubscription(stream: Stream<Sized>, ready: Promise<void>): Subscription {
  return {
    ready,
    get dropped() {
      return stream.dropped
    },
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
  }
}
