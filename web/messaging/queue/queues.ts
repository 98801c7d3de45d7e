import {
  type Clock,
  isRecord,
  type MessageId,
  OptionError,
  option,
  type PeerId,
  type Random,
} from '../../base/index.ts'
import { isFinal, type Room } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { checkHeaders, encodeBody, type Headers, messageId } from '../item.ts'
import { type Wanted, wantedOf } from '../level.ts'
import { ORIGINAL_ADDRESS, ORIGINAL_QUEUE } from '../origin.ts'
import { checkPattern, checkTopicName, type Matcher } from '../pattern.ts'
import type { Message } from '../topic.ts'
import { checkAddressSettings, LayeredSettings, SETTINGS } from './address-settings.ts'
import { BINDINGS, type Binding, Routes } from './bindings.ts'
import { browseAll } from './browse.ts'
import { KeptHere } from './by-number.ts'
import { Calls } from './calls.ts'
import { QueueConsumer } from './consumer.ts'
import type { Destinations } from './destinations.ts'
import { DIVERTS, type Divert, Diverts } from './diverts.ts'
import { draftOf, draftOfTopic, expiring, MESSAGE_OPTIONS, type OutboxDraft, SEND_OPTIONS } from './draft.ts'
import type { Reign } from './epoch.ts'
import { HeardDecisions } from './heard-decisions.ts'
import { loadReplicas } from './load-replicas.ts'
import {
  CHANNEL_STORED,
  headToWire,
  METHOD_APPLY,
  METHOD_BROWSE,
  METHOD_DECIDE,
  METHOD_DELIVER,
  METHOD_MOVE,
  METHOD_OUTCOME,
  METHOD_PURGE,
  METHOD_REBALANCE,
  METHOD_STATS,
} from './messages.ts'
import { type LoadedOutbox, loadOutboxes } from './outbox-records.ts'
import type { OwnerPorts } from './owner.ts'
import { serveOwned } from './owner-calls.ts'
import { Ownership } from './ownership.ts'
import type {
  BrowsedMessage,
  BrowseOptions,
  ConsumeOptions,
  Consumption,
  MoveOptions,
  Queue,
  Reply,
  RequestOptions,
  SendOptions,
  SendResult,
} from './queue.ts'
import { MAX_DURATION_MS, type QueueItem } from './queue-item.ts'
import type { Replica } from './replica.ts'
import { isTemporary, Requests } from './requests.ts'
import { loadTable, RoomTable, type RoomTableKind, type TableEntry } from './room-table.ts'
import { type Routing, retainedQueue, retainedTopic, routingOf, subscriptionOf } from './routing.ts'
import { Sender, type Sent } from './sender.ts'
import { Senders } from './senders.ts'
import { checkSettings, conflictOf, type QueueSettings } from './settings.ts'
import { type QueueStats, readStats } from './stats.ts'
import { selectorOf } from './subject.ts'
import { type Transaction, Transactions, type TxSend } from './transaction.ts'
import { type Decision, isDecision } from './tx-state.ts'

const REQUEST_MS = 10_000
/** How long a question waits for its answer. */
const ANSWER_MS = 30_000
const TRIES = 5
const LOOKS: ReadonlySet<string> = new Set([METHOD_STATS, METHOD_BROWSE])
const RETRY_MS = 1_000
const REQUEST_OPTIONS = ['headers', 'priority', 'signal', 'timeoutMs'] as const
const MOVE_OPTIONS = ['selector', 'limit'] as const
const DIVERT_OPTIONS = ['from', 'to', 'exclusive', 'selector'] as const
const NO_SETTINGS: Partial<QueueSettings> = {}

/** What lay in the store when the node began. */
type LoadedSettings = Awaited<
  ReturnType<typeof loadTable<typeof SETTINGS extends RoomTableKind<infer Row> ? Row : never>>
>

export interface LoadedQueues {
  readonly replicas: Map<string, Replica>
  readonly outboxes: readonly LoadedOutbox[]
  readonly bindings: readonly TableEntry<Binding>[]
  readonly diverts: Awaited<ReturnType<typeof loadTable<Divert>>>
  readonly settings: LoadedSettings
}

export async function loadQueues(store: Store): Promise<LoadedQueues> {
  const [replicas, outboxes, bindings, diverts, settings] = await Promise.all([
    loadReplicas(store),
    loadOutboxes(store),
    loadTable(store, BINDINGS),
    loadTable(store, DIVERTS),
    loadTable(store, SETTINGS),
  ])
  return { replicas, outboxes, bindings, diverts, settings }
}

export interface QueuesOptions {
  readonly room: Room
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly loaded: LoadedQueues
  /** Gives a topic's message to those who subscribe now. */
  readonly publish: (topic: string, body: Uint8Array<ArrayBuffer>, headers: Headers) => Promise<unknown>
}

/** The queues of a room as one node sees them. */
export class Queues {
  readonly #options: QueuesOptions
  readonly #calls: Calls
  readonly #ownership: Ownership
  readonly #keptHere: KeptHere
  readonly #requests: Requests
  readonly #transactions: Transactions
  readonly bindings: RoomTable<Binding>
  readonly destinations: Destinations
  readonly #diverting: RoomTable<Divert>
  readonly #routes: Routes
  readonly #diverts: Diverts
  readonly #layers: LayeredSettings
  readonly #senders: Senders
  readonly #consumers = new Map<string, QueueConsumer>()
  readonly #settings = new Map<string, Partial<QueueSettings>>()
  readonly #controller = new AbortController()

  constructor(options: QueuesOptions) {
    this.#options = options
    const { room, store, clock, random, loaded } = options
    this.#calls = new Calls(room, clock)
    const forward = (queue: string, item: QueueItem, headers: Headers, dedupId: string) =>
      this.#forward(queue, item, headers, dedupId)
    const { replicas } = loaded
    this.#keptHere = new KeptHere(replicas, clock)
    this.#requests = new Requests(this.#calls, clock, random)
    this.bindings = new RoomTable(BINDINGS, room, store, this.#calls, clock, loaded.bindings)
    this.#diverting = new RoomTable(DIVERTS, room, store, this.#calls, clock, loaded.diverts)
    this.#routes = new Routes(this.bindings)
    this.#diverts = new Diverts(this.#diverting)
    this.#layers = new LayeredSettings(
      new RoomTable(SETTINGS, room, store, this.#calls, clock, loaded.settings),
    )
    const settingsOf = (queue: string) => this.#settingsOf(queue)
    this.#serve()
    const ports = { room, calls: this.#calls, store, clock, random }
    const askOutcome: OwnerPorts['askOutcome'] = (home, tx, coordinator, signal) =>
      this.#askOutcome(home, tx, coordinator, signal)
    const heard = new HeardDecisions(this.#calls, room, replicas)
    const askRoom: OwnerPorts['askRoom'] = (tx, coordinator) =>
      heard.ask(tx, coordinator, this.#controller.signal)
    const isBound = (queue: string) => this.bindings.get(subscriptionOf(queue) ?? '') !== undefined
    this.#senders = new Senders((queue, outbox) => this.#sender(queue, outbox))
    const sendingOf = this.#senders.sending.bind(this.#senders)
    const onCopied = (queue: string, items: readonly QueueItem[]) =>
      this.#senders.copied(queue, items, this.#calls.self)
    const hooks = { forward, settingsOf, askOutcome, askRoom, isBound, sendingOf, onCopied }
    this.#ownership = new Ownership({ ...ports, replicas, ...hooks })
    serveOwned(this.#calls, this.#ownership)
    this.#layers.table.onChange(() => this.#ownership.reconfigure())
    this.destinations = this.#api()
    this.#transactions = new Transactions({
      ...{ store, clock, random, signal: this.#controller.signal },
      sendsOf: (queue, body, given) => this.#txSends(queue, body, given),
      publishOf: (topic, body, given) => this.#txPublish(topic, body, given),
      publish: ({ topic, body, headers }) => options.publish(topic, body, headers),
      decide: (home, tx, decision) => this.#ask(home, METHOD_DECIDE, { tx, decision }),
      apply: (queue, tx, home, decision) => this.#ask(queue, METHOD_APPLY, { tx, home, decision }),
    })
    this.#transactions.recover().catch(() => {
      // The disk failed: those who take part ask for the outcome themselves.
    })
    this.#senders.resume(loaded.outboxes)
  }

  /** Throws a MessagingError `bad-name`, `bad-option`, or `settings-conflict` with what this node asked for before. */
  queue(name: string, settings: Partial<QueueSettings> = {}): Queue {
    checkTopicName(name)
    const known = this.#settings.get(name) ?? {}
    const checked = checkSettings(settings)
    const conflict = conflictOf({ ...checked, ...known } as QueueSettings, checked)
    if (conflict)
      throw new MessagingError('settings-conflict', `${name} was asked for with another ${conflict} here`)
    // What is nothing new is not asked for again.
    if (Object.keys(checked).some((one) => !Object.hasOwn(known, one)))
      this.#settings.set(name, { ...known, ...checked })
    return {
      name,
      send: async (body, options) => this.#send(name, body, option.names('send', options, SEND_OPTIONS)),
      consume: (options = {}) => this.#consume(name, options),
      browse: (options) => this.#browse(name, option.names('browse', options, ['selector', 'signal'])),
      stats: () => this.#stats(name),
      purge: () => this.#purge(name),
      rebalance: async () => Number(await this.#ask(name, METHOD_REBALANCE, {})),
      move: async (to, options) => {
        checkTopicName(to)
        return this.#move(name, to, option.names('move', options, MOVE_OPTIONS))
      },
      retry: async (options) => this.#move(name, null, option.names('retry', options, MOVE_OPTIONS)),
    }
  }

  /** Sends to a queue and resolves with the answer of whoever takes it. Rejects as `send` does, and with `no-reply`. */
  async request(name: string, body: unknown, options: RequestOptions = {}): Promise<Reply> {
    const { timeoutMs = ANSWER_MS, signal, ...rest } = option.names('request', options, REQUEST_OPTIONS)
    option.durationMs('timeoutMs', timeoutMs, { least: 1, most: MAX_DURATION_MS })
    option.signal('signal', signal)
    const queue = this.queue(name)
    // Nobody answers a question that nobody waits for any more.
    const send = (replyTo: string) =>
      queue.send(body, { ...rest, replyTo, ttlMs: timeoutMs, level: 'stored' })
    return this.#requests.ask(send, timeoutMs, signal)
  }

  /** Everything that `work` asks of `tx` happens, or nothing; see {@link Transaction}. */
  async transaction(work: (tx: Transaction) => unknown, signal?: AbortSignal): Promise<void> {
    if (typeof work !== 'function') throw new OptionError('work', work, 'is a function')
    option.signal('signal', signal)
    this.#assertOpen()
    return this.#transactions.run(work, signal)
  }

  /** Where a topic's message goes besides to those who subscribe now. */
  routing(topic: string, headers: Headers, size: number): Routing {
    const { routes, diverts, settings } = {
      routes: this.#routes,
      diverts: this.#diverts,
      settings: this.#layers,
    }
    const wall = this.#options.clock.wall()
    return routingOf(topic, headers, size, this.#calls.self, wall, { routes, diverts, settings })
  }

  /** Sends it there; resolves when each copy is as safe as `level` says. `id` is what those who subscribe now get it by. */
  async route(
    { queues, retained }: Routing,
    topic: string,
    body: Uint8Array<ArrayBuffer>,
    headers: Headers,
    wanted: Wanted,
    id: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<readonly Sent[]> {
    const draft = draftOfTopic(topic, body, headers, this.#options.clock.wall())
    const sends = queues.map((queue) => this.#senders.put(queue, draft, wanted, signal))
    if (retained) {
      const tags = id === undefined ? draft.tags : { ...draft.tags, correlationId: id }
      sends.push(
        this.#senders.put(retained.queue, { ...expiring(draft, retained.ttlMs), tags }, wanted, signal),
      )
    }
    return Promise.all(sends)
  }

  /** What the room keeps of the topics that fit, oldest first within each; `id` is what it was published by. */
  async *retained(matcher: Matcher, signal: AbortSignal): AsyncGenerator<Message, void, undefined> {
    const topics = this.#ownership.queues().flatMap((queue) => this.#retainedTopic(queue) ?? [])
    for (const topic of topics.filter((name) => matcher.matches(name))) {
      for await (const { id, correlationId, body, headers, from, sentAt } of this.#browse(
        retainedQueue(topic),
        { signal },
      ))
        yield { id: (correlationId ?? id) as MessageId, topic, body, headers, from, sentAt }
    }
  }

  /** Messages that no owner has yet. */
  get waitingCount(): number {
    return this.#senders.waitingCount
  }

  close(): void {
    if (this.#controller.signal.aborted) return
    for (const consumer of [...this.#consumers.values()]) consumer.end()
    this.#senders.close()
    this.#controller.abort(new MessagingError('closed', 'this node has ended'))
    this.#requests.close()
    this.bindings.close()
    this.#diverting.close()
    this.#layers.table.close()
    this.#ownership.close()
    this.#calls.close()
  }

  #api(): Destinations {
    return {
      configure: async (pattern, settings) => {
        checkPattern(pattern)
        const known = this.#layers.table.get(pattern) ?? {}
        await this.#layers.table.set(pattern, { ...known, ...checkAddressSettings(settings) } as never)
      },
      settings: () => [...this.#layers.table.all()].map(([pattern, settings]) => ({ pattern, settings })),
      forget: async (pattern) => {
        checkPattern(pattern)
        await this.#layers.table.set(pattern, undefined)
      },
      divert: async (name, options) => {
        checkTopicName(name)
        const { from, to, exclusive = false, selector = '' } = option.names('divert', options, DIVERT_OPTIONS)
        checkPattern(from)
        checkTopicName(to)
        option.boolean('exclusive', exclusive)
        selectorOf(option.text('selector', selector))
        await this.#diverting.set(name, { from, to, exclusive, selector })
      },
      undivert: async (name) => {
        checkTopicName(name)
        await this.#diverting.set(name, undefined)
      },
      diverts: () =>
        [...this.#diverting.all()].map(([name, divert]) => ({ name, ...readDivertFields(divert) })),
      subscriptions: () =>
        [...this.bindings.all()].map(([name, { pattern, selector }]) => ({ name, pattern, selector })),
      queues: () => this.#ownership.queues(),
      subscribe: (listener) => {
        if (typeof listener !== 'function') throw new OptionError('listener', listener, 'is a function')
        return this.#ownership.onChange(listener)
      },
    }
  }

  /** Retained messages have a ring of their topic's size, which everybody may read and nobody empties. */
  #settingsOf(queue: string): Partial<QueueSettings> {
    const topic = this.#retainedTopic(queue)
    if (topic === undefined) return this.#layers.queueSettingsOf(queue)
    return { ringSize: this.#layers.of(topic).retain ?? 0, nonDestructive: true }
  }

  /** The topic that the room retains there: a queue may be called like that by chance. */
  #retainedTopic(queue: string): string | undefined {
    const topic = retainedTopic(queue)
    return topic !== undefined && (this.#layers.of(topic).retain ?? 0) > 0 ? topic : undefined
  }

  #serve(): void {
    this.#calls.serve(METHOD_DELIVER, (body, { from }) => {
      const id = isRecord(body) ? body['consumer'] : undefined
      const consumer = typeof id === 'string' ? this.#consumers.get(id.split('.')[0] ?? '') : undefined
      if (!consumer) throw new MessagingError('lease-lost', 'this consumer has ended')
      return consumer.onDeliver(body, from)
    })
    this.#calls.onNotify(CHANNEL_STORED, (body, from) => {
      this.#senders.onStored(body, from, (queue) => this.#ownership.reignOf(queue)?.owner)
    })
  }

  #sender(queue: string, loaded?: LoadedOutbox): Sender {
    const { store, clock, random } = this.#options
    const ports = { calls: this.#calls, store, clock, random, ownership: this.#ownership }
    const wanted = () => this.#settings.get(queue) ?? NO_SETTINGS
    return new Sender(queue, wanted, ports, this.#controller.signal, loaded)
  }

  async #send(queue: string, body: unknown, options: SendOptions): Promise<SendResult> {
    this.#assertOpen()
    option.signal('signal', options.signal)?.throwIfAborted()
    const wanted = wantedOf(options, 'replicated')
    const draft = draftOf(body, options, this.#options.clock.wall())
    const sends = this.#diverted(queue, draft).map((one) =>
      this.#senders.put(one.queue, one.draft, wanted, options.signal),
    )
    // The first place's answer is the sender's.
    const [sent] = await Promise.all(sends)
    const { number, stream, ...reached } = sent as Sent
    return { id: messageId(this.#calls.self, stream, number), ...reached }
  }

  /** The queue itself and where the room has diverts it; never nowhere. */
  #diverted(
    queue: string,
    draft: OutboxDraft,
  ): readonly { readonly queue: string; readonly draft: OutboxDraft }[] {
    const { headers, priority, expiresAt, sentAt, body, tags } = draft
    const { queues, isExclusive } = this.#diverts.of(queue, {
      ...{ id: undefined, correlationId: tags.correlationId },
      ...{ headers, priority, expiresAt, sentAt, isDurable: true, from: this.#calls.self },
      ...{ group: tags.group, size: body.byteLength, address: queue },
    })
    const origin = { ...headers, [ORIGINAL_ADDRESS]: queue, [ORIGINAL_QUEUE]: queue }
    const copy = { ...draft, headers: origin, tags: { ...tags, address: queue } }
    const own = isExclusive ? [] : [{ queue, draft }]
    return [...own, ...queues.map((to) => ({ queue: to, draft: copy }))]
  }

  /** On behalf of its first sender: an owner sends what is dead or expired to where such things go. */
  async #forward(queue: string, item: QueueItem, headers: Headers, dedupId: string): Promise<void> {
    const { priority, sentAt, body } = item
    const { tx: _tx, txHome: _home, ...tags } = item.tags
    const draft: OutboxDraft = {
      ...{ priority, sentAt, body: body.slice(), expiresAt: 0, deliverAt: 0 },
      headers: { ...item.headers, ...headers },
      tags: { ...tags, dedupId },
    }
    await this.#senders.put(queue, draft, { level: 'replicated' }, this.#controller.signal)
  }

  #txSend(queue: string, draft: OutboxDraft): TxSend {
    return {
      queue,
      put: (tx, txHome, signal) =>
        this.#senders.put(
          queue,
          { ...draft, tags: { ...draft.tags, tx, txHome } },
          { level: 'replicated' },
          signal,
        ),
    }
  }

  #txSends(queue: string, body: unknown, given: SendOptions): readonly TxSend[] {
    checkTopicName(queue)
    const options = option.names('send', given, MESSAGE_OPTIONS)
    const draft = draftOf(body, options, this.#options.clock.wall())
    return this.#diverted(queue, draft).map((one) => this.#txSend(one.queue, one.draft))
  }

  /** Those who subscribe now get it when it is committed, by way of the layer above. */
  #txPublish(topic: string, body: unknown, options: Pick<SendOptions, 'headers'>) {
    checkTopicName(topic)
    const headers = checkHeaders(option.names('publish', options, ['headers']).headers)
    const bytes = encodeBody(body)
    const { queues, retained, isExclusive } = this.routing(topic, headers, bytes.byteLength)
    const targets = retained ? [...queues, retained.queue] : queues
    const draft = draftOfTopic(topic, bytes, headers, this.#options.clock.wall())
    const sends = targets.map((queue) =>
      this.#txSend(queue, expiring(draft, queue === retained?.queue ? retained.ttlMs : 0)),
    )
    return { sends, live: isExclusive ? undefined : { topic, body: bytes, headers } }
  }

  async #askOutcome(
    home: string,
    tx: string,
    coordinator: PeerId,
    signal: AbortSignal,
  ): Promise<Decision | undefined> {
    const answer = await this.#ask(home, METHOD_OUTCOME, { tx, coordinator }, signal)
    return isDecision(answer) ? answer : undefined
  }

  async #reply(item: QueueItem, body: unknown, headers: Headers | undefined): Promise<void> {
    const { replyTo, correlationId } = item.tags
    if (replyTo === undefined)
      throw new MessagingError('bad-option', 'this message wants no answer: it has no replyTo')
    if (isTemporary(replyTo)) return this.#requests.reply(replyTo, body, headers)
    const { from, stream, number } = item
    const answered = correlationId ?? messageId(from, stream, number)
    await this.queue(replyTo).send(body, { correlationId: answered, ...(headers ? { headers } : {}) })
  }

  #consume(queue: string, options: ConsumeOptions): Consumption {
    this.#assertOpen()
    const { clock, random } = this.#options
    const consumer = new QueueConsumer(queue, options, this.#settings.get(queue) ?? {}, {
      ...{ calls: this.#calls, clock, random, ownership: this.#ownership, keptHere: this.#keptHere },
      reply: (item, body, headers) => this.#reply(item, body, headers),
      onEnd: (ended) => this.#onEnd(ended),
    })
    this.#consumers.set(consumer.id, consumer)
    return { ready: consumer.ready, [Symbol.asyncIterator]: () => consumer.deliveries() }
  }

  #onEnd(ended: QueueConsumer): void {
    this.#consumers.delete(ended.id)
    if (![...this.#consumers.values()].some(({ queue }) => queue === ended.queue))
      this.#keptHere.release(ended.queue)
  }

  #browse(queue: string, { selector = '', signal }: BrowseOptions): AsyncIterable<BrowsedMessage> {
    selectorOf(option.text('selector', selector))
    option.signal('signal', signal)
    return browseAll(selector, (body) => this.#ask(queue, METHOD_BROWSE, body, signal))
  }

  async #stats(queue: string): Promise<QueueStats> {
    const answer = await this.#ask(queue, METHOD_STATS, {})
    const stats = readStats(answer)
    if (!stats) throw new MessagingError('malformed', 'the owner’s answer is none')
    return stats
  }

  async #move(queue: string, to: string | null, { selector = '', limit }: MoveOptions): Promise<number> {
    if (to === queue) throw new MessagingError('bad-option', 'a queue’s messages are there already')
    selectorOf(option.text('selector', selector))
    if (limit !== undefined) option.count('limit', limit)
    return Number(await this.#ask(queue, METHOD_MOVE, { to, selector, limit: limit ?? null }))
  }

  async #purge(queue: string): Promise<number> {
    return Number(await this.#ask(queue, METHOD_PURGE, {}))
  }

  /** Asks whoever owns the queue, again when that changes meanwhile. */
  async #ask(
    queue: string,
    method: string,
    body: Readonly<Record<string, Value>>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const inner = signal ? AbortSignal.any([signal, this.#controller.signal]) : this.#controller.signal
    for (let tries = 1; ; tries++) {
      const reign = await this.#reign(queue, LOOKS.has(method), tries > 1, inner)
      try {
        const full = { ...headToWire(queue, reign.epoch), ...body }
        return await this.#calls.request(reign.owner, method, full, { timeoutMs: REQUEST_MS, signal: inner })
      } catch (error) {
        inner.throwIfAborted()
        if (isFinal(error) || tries >= TRIES) throw error
        await this.#ownership.change(RETRY_MS, inner)
      }
    }
  }

  /** Who only looks does not bring back a queue that was just deleted. */
  async #reign(queue: string, isLook: boolean, isAgain: boolean, signal: AbortSignal): Promise<Reign> {
    const wanted = this.#settings.get(queue) ?? {}
    if (isLook && Object.keys(wanted).length === 0) {
      const reign = this.#ownership.reignOf(queue)
      if (reign) return reign
      if (isAgain && !this.#ownership.queues().includes(queue))
        throw new MessagingError('not-owner', `${queue} has been deleted, since nobody used it`)
    }
    return this.#ownership.open(queue, wanted, signal)
  }

  #assertOpen(): void {
    if (this.#controller.signal.aborted) throw new MessagingError('closed', 'this node has ended')
  }
}

function readDivertFields({ from, to, exclusive, selector }: Divert) {
  return { from, to, exclusive, selector }
}
