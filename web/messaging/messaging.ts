import { type Clock, type Crypto, isPeerId, OptionError, option, type Random, sleep } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Store } from '../storage/index.ts'
import { DEFAULT_DESTINATIONS, type DestinationSettings, Destinations } from './destination.ts'
import { Direct } from './direct.ts'
import { subscribeDurably, unsubscribe } from './durable.ts'
import { MessagingError } from './errors.ts'
import { Feeds } from './feeds.ts'
import { type Files, RoomFiles } from './files/index.ts'
import { History } from './history.ts'
import { Inbox } from './inbox.ts'
import { Interest } from './interest.ts'
import { checkHeaders, encodeBody, type Headers, messageId } from './item.ts'
import { type Kept, keptKey, TABLE_MESSAGES } from './kept.ts'
import { lesser, type Wanted, wantedOf } from './level.ts'
import type { LoadedMessages } from './load.ts'
import { Outbox } from './outbox.ts'
import { checkPattern, checkTopicName, isWildcard } from './pattern.ts'
import { Places } from './places.ts'
import {
  type Queue,
  type QueueSettings,
  Queues,
  type Reply,
  type RequestOptions,
  type Destinations as RoomDestinations,
  type Routing,
  type Transaction,
} from './queue/index.ts'
import { withRetained } from './retained.ts'
import { StoredWaits } from './stored-waits.ts'
import { Subscriptions } from './subscriptions.ts'
import type {
  HistoryEntry,
  MessageHistory,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
  Subscription,
  Topic,
} from './topic.ts'

/** Failed messages that are remembered for another try. */
const MAX_FAILED = 50
const DRAIN_POLL_MS = 50
const PUBLISH_OPTIONS = ['headers', 'level', 'copies', 'signal'] as const
const SUBSCRIBE_OPTIONS = [
  'history',
  'durable',
  'shared',
  'from',
  'selector',
  'bufferBytes',
  'signal',
] as const
/** The sender's own, and another's. */
const USUAL_COPIES = 2

export interface MessagingOptions {
  readonly room: Room
  /** Opened with this layer's tables. */
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  /** What `loadMessages` read from that store. */
  readonly loaded: LoadedMessages
  /** Default {@link DEFAULT_DESTINATIONS}. */
  readonly destinations?: readonly DestinationSettings[]
}

export interface Messaging {
  topic(name: string): Topic
  /** The settings hold for everybody in the room; the first who uses the queue decides. */
  queue(name: string, settings?: Partial<QueueSettings>): Queue
  /** Asks whoever takes messages of this queue; resolves with the answer. */
  request(queue: string, body: unknown, options?: RequestOptions): Promise<Reply>
  /**
   * Everything that `work` asks of its transaction happens once it has resolved, or nothing does. Rejects with what `work`
   * throws, with `signal.reason`, or with a MessagingError `aborted`.
   */
  transaction(work: (tx: Transaction) => unknown, options?: { readonly signal?: AbortSignal }): Promise<void>
  readonly destinations: RoomDestinations
  readonly files: Files
  readonly history: MessageHistory
  /** Messages that their queues' owners do not have yet. */
  readonly waitingCount: number
  /** Resolves when nothing waits to be sent, or nobody is here to take it; rejects with `signal.reason`. */
  drain(signal: AbortSignal): Promise<void>
  /** Ends every subscription. Idempotent. */
  close(): void
}

interface Failed {
  readonly entry: HistoryEntry
  readonly body: unknown
  readonly headers: Headers | undefined
}

/** Serves from the moment of the call: call it before the first peer can be heard. */
export function createMessaging(options: MessagingOptions): Messaging {
  return new RoomMessaging(options)
}

class RoomMessaging implements Messaging {
  readonly history: MessageHistory
  readonly #room: Room
  readonly #store: Store
  readonly #clock: Clock
  readonly #destinations: Destinations
  readonly #history: History
  readonly #places: Places
  readonly #waits: StoredWaits
  readonly #outbox: Outbox
  readonly #interest: Interest
  readonly #subscriptions: Subscriptions
  readonly #direct: Direct
  readonly #feeds: Feeds
  readonly #inbox: Inbox
  readonly #queues: Queues
  readonly files: RoomFiles
  readonly #failed = new Map<string, Failed>()
  readonly #stopCounting: () => void
  #failures = 0
  #isClosed = false

  constructor(options: MessagingOptions) {
    const { room, store, clock, random, crypto, loaded, destinations = DEFAULT_DESTINATIONS } = options
    this.#room = room
    this.#store = store
    this.#clock = clock
    this.#destinations = new Destinations(destinations)
    const self = room.self.peerId
    this.#waits = new StoredWaits(() => room.members().length)
    const places = new Places(clock, loaded.outbox.lastAt)
    for (const { at } of loaded.kept) places.see(at)
    this.#places = places
    this.#outbox = new Outbox(self, store, clock, places, this.#waits, loaded.outbox, (delivered) =>
      this.#forget(this.#history.settle(delivered)),
    )
    this.#history = new History(
      self,
      (topic) => this.#destinations.historyOf(topic),
      (kept) => this.#outbox.isPending(kept),
    )
    this.#keep(loaded.kept)
    this.#subscriptions = new Subscriptions(() => this.#interest.changed())
    this.#interest = new Interest(room, clock, places, () => this.#subscriptions.patterns())
    this.#direct = new Direct(room, clock, this.#interest, this.#subscriptions)
    this.#inbox = new Inbox(room, store, clock, places, loaded.marks, {
      hasHistory: (topic) => this.#destinations.historyOf(topic) > 0,
      onKept: (kept) => {
        for (const { at } of kept) places.see(at)
        this.#keep(kept)
      },
      onItem: (item, from, stream) => this.#subscriptions.deliver(item, from, stream),
    })
    this.#feeds = new Feeds(room, clock, this.#outbox)
    this.#stopCounting = room.onMembership(() => this.#waits.check())
    this.#queues = new Queues({
      ...{ room, store, clock, random, loaded: loaded.queues },
      publish: (topic, body, headers) => this.#publishNow(topic, body, headers),
    })
    this.files = new RoomFiles({ room, store, clock, random, crypto, loaded: loaded.files })
    this.history = {
      topics: () => this.#history.topics(),
      entries: (topic) => this.#history.entries(topic),
      subscribe: (listener) => this.#history.subscribe(listener),
      retry: (id) => this.#retry(id),
    }
  }

  topic(name: string): Topic {
    checkPattern(name)
    return {
      name,
      publish: async (body, options) =>
        this.#publish(name, body, option.names('publish', options, PUBLISH_OPTIONS)),
      subscribe: (options) => this.#subscribe(name, option.names('subscribe', options, SUBSCRIBE_OPTIONS)),
      unsubscribe: (durable) => unsubscribe(this.#queues, durable),
    }
  }

  queue(name: string, settings?: Partial<QueueSettings>): Queue {
    return this.#queues.queue(name, settings)
  }

  request(queue: string, body: unknown, options?: RequestOptions): Promise<Reply> {
    return this.#queues.request(queue, body, options)
  }

  async transaction(
    work: (tx: Transaction) => unknown,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void> {
    return this.#queues.transaction(work, option.names('transaction', options, ['signal']).signal)
  }

  get destinations(): RoomDestinations {
    return this.#queues.destinations
  }

  get waitingCount(): number {
    return this.#queues.waitingCount
  }

  async drain(signal: AbortSignal): Promise<void> {
    const isBusy = () =>
      this.#direct.isBusy ||
      (this.#outbox.pendingCount > 0 && this.#feeds.peerCount > 0) ||
      this.#queues.waitingCount > 0
    while (!this.#isClosed && isBusy()) await sleep(this.#clock, DRAIN_POLL_MS, signal)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.files.close()
    this.#queues.close()
    this.#feeds.close()
    this.#stopCounting()
    this.#waits.close()
    this.#inbox.close()
    this.#direct.close()
    this.#subscriptions.close()
    this.#interest.close()
  }

  #subscribe(pattern: string, options: SubscribeOptions): Subscription {
    checkSubscribe(options)
    if (options.durable !== undefined)
      return subscribeDurably(this.#queues, pattern, options.durable, options)
    const live = this.#subscriptions.add(pattern, options, (matcher) => this.#history.matching(matcher))
    return options.history ? withRetained(this.#queues, pattern, live, options.signal) : live
  }

  async #publish(topic: string, body: unknown, options: PublishOptions): Promise<PublishResult> {
    if (this.#isClosed) throw new MessagingError('closed', 'this node has ended')
    if (isWildcard(topic)) checkTopicName(topic)
    const { signal } = options
    option.signal('signal', signal)?.throwIfAborted()
    const wanted = wantedOf(options, 'accepted')
    const bytes = encodeBody(body)
    const headers = checkHeaders(options.headers)
    const routing = this.#queues.routing(topic, headers, bytes.byteLength)
    const isRouted = routing.queues.length > 0 || routing.retained !== undefined
    const hasHistory = this.#destinations.historyOf(topic) > 0 && !routing.isExclusive
    if (wanted.level !== 'accepted' && !hasHistory && !isRouted) {
      const text = `${topic} keeps no history and nobody subscribes durably, so nobody stores its messages`
      throw new MessagingError('bad-option', text)
    }
    if (routing.isExclusive) return this.#publishElsewhere(routing, topic, bytes, headers, wanted, signal)
    const published = hasHistory
      ? this.#publishKept(topic, body, wanted, options)
      : this.#direct.publish(topic, bytes, headers, signal)
    if (!isRouted) return published
    const { id } = await published
    const sents = await this.#queues.route(routing, topic, bytes, headers, wanted, id, signal)
    if (wanted.level === 'accepted') return published
    return { id, ...leastOf(hasHistory ? [await published, ...sents] : sents) }
  }

  /** A divert takes it away from those who subscribe. */
  async #publishElsewhere(
    routing: Routing,
    topic: string,
    body: Uint8Array<ArrayBuffer>,
    headers: Headers,
    wanted: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    const sent = await this.#queues.route(routing, topic, body, headers, wanted, undefined, signal)
    const { stream = '', number = 0 } = sent[0] ?? {}
    return { id: messageId(this.#room.self.peerId, stream, number), ...leastOf(sent) }
  }

  async #publishKept(
    topic: string,
    body: unknown,
    { level, copies = USUAL_COPIES }: Wanted,
    options: PublishOptions,
  ): Promise<PublishResult> {
    let kept: Kept
    try {
      kept = await this.#keepOwn(topic, encodeBody(body), checkHeaders(options.headers))
    } catch (error) {
      if (error instanceof MessagingError && error.code !== 'bad-option')
        this.#fail(topic, body, options.headers, error)
      throw error
    }
    const id = messageId(kept.from, kept.stream, kept.number)
    if (level === 'accepted') return { id, level, copies: 1 }
    const isReplicated = level === 'replicated'
    const wanted = isReplicated ? copies : USUAL_COPIES
    const reached = await this.#waits.until(kept.number, wanted, isReplicated, options.signal)
    return { id, level: reached > 1 ? level : 'accepted', copies: reached }
  }

  async #keepOwn(topic: string, body: Uint8Array<ArrayBuffer>, headers: Headers): Promise<Kept> {
    const kept = await this.#outbox.publish(topic, body, headers, this.#room.self.name)
    this.#keep([kept])
    this.#subscriptions.deliver(kept, kept.from, kept.stream)
    return kept
  }

  /** To those who subscribe now, and to no queue. */
  #publishNow(topic: string, body: Uint8Array<ArrayBuffer>, headers: Headers): Promise<unknown> {
    if (this.#destinations.historyOf(topic) > 0) return this.#keepOwn(topic, body, headers)
    return this.#direct.publish(topic, body, headers, undefined)
  }

  #keep(kept: readonly Kept[]): void {
    this.#forget(this.#history.add(kept))
  }

  #forget(trimmed: readonly Kept[]): void {
    if (trimmed.length === 0) return
    this.#outbox.forget(trimmed)
    const removes = trimmed.map(
      (old) => ({ table: TABLE_MESSAGES, key: keptKey(old), remove: true }) as const,
    )
    this.#store.write(removes, 'relaxed').catch(() => {
      // What stays on disk is trimmed again at the next start.
    })
  }

  #fail(topic: string, body: unknown, headers: Headers | undefined, error: MessagingError): void {
    const self = this.#room.self
    const id = messageId(self.peerId, `failed-${self.sessionId}`, ++this.#failures)
    const entry: HistoryEntry = {
      id,
      topic,
      body,
      headers: error.code === 'bad-body' ? {} : (headers ?? {}),
      from: self.peerId,
      sentAt: this.#clock.wall(),
      place: Math.max(this.#clock.wall(), this.#places.highest),
      state: 'failed',
      reason: error.message,
      name: self.name,
    }
    this.#failed.set(id, { entry, body, headers })
    this.#history.addFailed(entry)
    const oldest = this.#failed.size > MAX_FAILED ? this.#failed.keys().next().value : undefined
    if (oldest !== undefined) this.#takeFailed(oldest)
  }

  async #retry(id: string): Promise<void> {
    const failed = this.#takeFailed(id)
    if (!failed) throw new MessagingError('bad-option', 'no failed message of this id is here')
    await this.#publish(failed.entry.topic, failed.body, failed.headers ? { headers: failed.headers } : {})
  }

  #takeFailed(id: string): Failed | undefined {
    const failed = this.#failed.get(id)
    if (!failed) return undefined
    this.#failed.delete(id)
    this.#history.removeFailed(failed.entry)
    return failed
  }
}

/** Throws an OptionError. */
function checkSubscribe({
  history = false,
  shared = false,
  from,
  selector = '',
  bufferBytes = 1,
  signal,
}: SubscribeOptions): void {
  option.boolean('history', history)
  option.boolean('shared', shared)
  if (from !== undefined && !isPeerId(from)) throw new OptionError('from', from, 'is a member’s id')
  option.text('selector', selector)
  option.count('bufferBytes', bufferBytes, { least: 1 })
  option.signal('signal', signal)
}

/** What all of them have reached. */
function leastOf(
  parts: readonly Pick<PublishResult, 'level' | 'copies'>[],
): Pick<PublishResult, 'level' | 'copies'> {
  return parts.reduce(({ level, copies }, part) => ({
    level: lesser(level, part.level),
    copies: Math.min(copies, part.copies),
  }))
}
