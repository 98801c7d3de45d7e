import { type Clock, every, type PeerId, type Random, TabmeshError } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { type Headers, messageId } from '../item.ts'
import { isTopicName } from '../pattern.ts'
import { compileSelector, type Selector } from '../selector/index.ts'
import type { Calls } from './calls.ts'
import { type Consumer, Dispatcher, type Lease } from './dispatcher.ts'
import type { Epoch } from './epoch.ts'
import { Intervals } from './intervals.ts'
import {
  CHANNEL_STORED,
  headToWire,
  isCount,
  MAX_TOKENS,
  readAll,
  readDrafts,
  readSettlement,
} from './messages.ts'
import { Outgoing } from './outgoing.ts'
import { Participant, type ParticipantPorts } from './participant.ts'
import { type Draft, isNumber, itemToWire, type QueueItem } from './queue-item.ts'
import { type Merge, mergeFrom } from './reconcile.ts'
import type { Live, Replica, Source } from './replica.ts'
import { Replication } from './replication.ts'
import type { QueueSettings } from './settings.ts'
import { type ConsumerStats, MAX_LISTED, type QueueCounts } from './stats.ts'
import { draftSubject, subjectOf } from './subject.ts'
import type { TxState } from './tx-state.ts'

/** A consumer of whom nothing is heard for so long has lost its leases: its tab is frozen, or its loop's node is. */
export const LEASE_MS = 30_000
const SWEEP_MS = 5_000
/** An empty queue that nobody has used for so long is deleted. */
const UNUSED_MS = 30_000
/** After a takeover, consumers say first what they have in hand. */
const CLAIM_MS = 1_000
const MAX_CONSUMERS = 1_000
const MAX_WINDOW = 64 * 1024 * 1024
const BROWSE_BYTES = 128 * 1024
const BROWSE_ITEMS = 200
/** How long a sender waits at a full queue before it asks again. */
const ROOM_WAIT_MS = 4_000
/** Instead of a token: the message is finished. */
const FINISHED = 0
const LEAVE_RETRY_MS = 5_000
const DAMAGED_RETRY_MS = 5_000

export interface OwnerPorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly random: Random
  /** Sends a message on, as this node: to the dead letters or the expired. Resolves when it is as safe as there. */
  readonly forward: (queue: string, item: QueueItem, headers: Headers, dedupId: string) => Promise<void>
  readonly onFenced: () => void
  readonly askOutcome: ParticipantPorts['askOutcome']
  readonly isHere: (peer: PeerId) => boolean
  /** Nobody needs the queue any more; called again and again while that is so. */
  readonly onUnused: () => void
}

/** One queue at the member that owns it, for one reign. */
export class Owner {
  readonly epoch: Epoch
  readonly settings: QueueSettings
  readonly replication: Replication
  readonly #replica: Replica
  readonly #ports: OwnerPorts
  readonly #dispatcher: Dispatcher
  readonly #participant: Participant
  readonly #heard = new Map<string, number>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #outgoing = new Map<Consumer, Outgoing>()
  /** Duplicate ids of messages that are being written. */
  readonly #admitting = new Set<string>()
  readonly #stops: (() => void)[]
  readonly #filter: Selector | undefined
  readonly #counts = { added: 0, acked: 0, failed: 0, expired: 0, dead: 0 }
  #room: (() => void)[] = []
  #usedAt: number
  #isClosed = false

  constructor(replica: Replica, settings: QueueSettings, epoch: Epoch, ports: OwnerPorts) {
    this.#replica = replica
    this.settings = settings
    this.epoch = epoch
    this.#ports = ports
    this.#filter = selectorOf(settings.filter)
    const { calls, clock, random } = ports
    this.#usedAt = clock.now()
    const { askOutcome, isHere } = ports
    this.#participant = new Participant(replica, () => this.#dispatcher, {
      clock,
      askOutcome,
      isHere,
      note: (state) => this.#noteTx(state),
      finish: (lives) => this.#finishQuietly(lives),
    })
    this.#dispatcher = new Dispatcher(settings, clock, random, {
      isHidden: (live) => this.#participant.isHidden(live),
      deliver: (consumer, leases) => this.#deliver(consumer, leases),
      onDead: (live) => void this.#leave(live, `DLQ.${replica.queue}`, 'dead'),
      onExpired: (live) => void this.#leave(live, `EXP.${replica.queue}`, 'expired'),
      onReplaced: (lives) => this.#finishQuietly(lives),
      onAttempts: (live, attempts) => this.#onAttempts(live, attempts),
    })
    this.replication = new Replication(replica, settings, epoch, calls, clock, {
      onFenced: ports.onFenced,
      onMerged: (merge) => void this.#onMerged(merge),
    })
    replica.setReading(true)
    this.#restoreOrder()
    const sorted = [...replica.messages()].sort((a, b) => a.order - b.order)
    this.#dispatcher.added(sorted)
    this.#participant.takeAll()
    const cancelStart = clock.after(epoch.number > 1 && replica.count > 0 ? CLAIM_MS : 0, () =>
      this.#dispatcher.start(),
    )
    this.#stops = [cancelStart, every(clock, SWEEP_MS, () => this.#sweep())]
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const stop of this.#stops) stop()
    this.#replica.setReading(false)
    this.#dispatcher.close()
    for (const outgoing of this.#outgoing.values()) outgoing.isClosed = true
    this.replication.close()
    for (const wake of this.#room.splice(0)) wake()
  }

  /** Members that have gone take their consumers with them. */
  dropPeer(peer: PeerId): void {
    for (const { spec } of [...this.#dispatcher.consumers.values()]) {
      if (spec.peer === peer) this.#remove(spec.id, 'lost')
    }
  }

  /** Takes over what a member has that is not to keep copies; resolves when it is safe without it. */
  async absorb(peer: PeerId, signal: AbortSignal): Promise<void> {
    await this.#onMerged(await mergeFrom(peer, this.#replica, this.epoch, this.#ports.calls, signal))
    await this.#safe()
  }

  async put(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    const { stream, base } = row
    const drafts = readDrafts(row['items'])
    if (!drafts || typeof stream !== 'string' || !isNumber(base))
      throw new MessagingError('malformed', 'these are no messages for a queue')
    this.#usedAt = this.#ports.clock.now()
    const source = this.#replica.source(from, stream)
    const refused: [number, string][] = []
    const mark = await this.#inTurn(source, () => this.#takeIn(source, base, drafts, refused))
    if (row['wantsStored'] === true && refused.length === 0) this.#tellStored(source, mark)
    const wanted = isCount(row['copies']) ? row['copies'] : Number.POSITIVE_INFINITY
    const copies = await this.replication.reached(this.replication.seq, wanted)
    return { mark, copies, refused }
  }

  /** Answers with what the consumer already has in hand and keeps: [index, token] of its claims, with token 0 for what is finished. */
  consume(row: Readonly<Record<string, unknown>>, from: PeerId): Value {
    const { consumer: id, window, priority, isExclusive } = row
    if (typeof id !== 'string' || id.length > 64 || !isCount(window) || typeof isExclusive !== 'boolean')
      throw new MessagingError('malformed', 'this is no consumer')
    if (!Number.isSafeInteger(priority)) throw new MessagingError('malformed', 'this is no consumer')
    if (this.#dispatcher.consumers.size >= MAX_CONSUMERS && !this.#dispatcher.consumers.has(id))
      throw new MessagingError('queue-full', `a queue has at most ${MAX_CONSUMERS} consumers`)
    const known = this.#dispatcher.consumers.get(id)
    if (known && known.spec.peer !== from) throw new MessagingError('malformed', 'this consumer is another’s')
    if (known) this.#remove(id, 'closed')
    const former = this.#consumerOf(row['replaces'], from)
    if (former) this.#remove(former.spec.id, 'closed')
    const selector = selectorOf(row['selector'])
    this.#heard.set(id, this.#ports.clock.now())
    const consumer = this.#dispatcher.addConsumer({
      id,
      peer: from,
      window: Math.min(window, MAX_WINDOW),
      priority: priority as number,
      isExclusive,
      selector: selector?.text ?? '',
      accepts: selector ? (live) => selector.matches(subjectOf(live, this.#replica.queue)) : () => true,
    })
    const granted = this.#claims(consumer, row['claims'])
    this.#dispatcher.pump()
    return { granted }
  }

  cancel(row: Readonly<Record<string, unknown>>, from: PeerId): Value {
    const consumer = this.#consumerOf(row['consumer'], from)
    if (consumer) this.#remove(consumer.spec.id, 'closed')
    return null
  }

  async settle(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    const settlement = readSettlement(row)
    if (!settlement) throw new MessagingError('malformed', 'this is no settlement')
    const consumer = this.#consumerOf(row['consumer'], from)
    if (!consumer) throw new MessagingError('lease-lost', 'the queue’s owner does not know this consumer')
    this.#heard.set(consumer.spec.id, this.#ports.clock.now())
    const refused: number[] = []
    const acked: Live[] = []
    for (const token of settlement.acks) {
      const live = this.#dispatcher.leased(consumer, token)
      if (live) acked.push(live)
      else refused.push(token)
    }
    this.#counts.acked += acked.length
    this.#finish(acked)
    for (const [token, delayMs] of settlement.fails) {
      if (!this.#dispatcher.fail(consumer, token, delayMs < 0 ? undefined : delayMs)) refused.push(token)
    }
    for (const token of settlement.releases) this.#dispatcher.release(consumer, token)
    this.#dispatcher.credit(consumer, settlement.credit, settlement.lastTaken)
    if (acked.length > 0 || settlement.fails.length > 0) await this.#safe()
    return { refused }
  }

  /** Holds attempts for a transaction. */
  async prepare(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    const consumer = this.#consumerOf(row['consumer'], from)
    return { ...(consumer ? await this.#participant.prepare(row, consumer, from) : { isPrepared: false }) }
  }

  async decide(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    return this.#participant.decide(row, from)
  }

  async outcome(row: Readonly<Record<string, unknown>>): Promise<Value> {
    return (await this.#participant.outcome(row)) ?? null
  }

  async apply(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    await this.#participant.apply(row, from)
    await this.#safe()
    return null
  }

  async #noteTx(state: TxState): Promise<void> {
    await this.#replica.noteTx(state)
    const merged = this.#replica.transactions.get(state.tx)
    if (merged) this.replication.logTx(merged)
    await this.#safe()
  }

  async browse(row: Readonly<Record<string, unknown>>): Promise<Value> {
    this.#usedAt = this.#ports.clock.now()
    const after = typeof row['after'] === 'number' ? row['after'] : Number.NEGATIVE_INFINITY
    const selector = selectorOf(row['selector'])
    const lives = [...this.#replica.messages()]
      .filter((live) => live.order > after && !this.#participant.isHidden(live))
      .filter((live) => !selector || selector.matches(subjectOf(live, this.#replica.queue)))
      .sort((a, b) => a.order - b.order)
    const items: Value[] = []
    let bytes = 0
    for (const live of lives) {
      const item = (await this.#replica.items(live.page))?.[live.at]
      if (!item) continue
      bytes += live.size
      if (items.length >= BROWSE_ITEMS || (items.length > 0 && bytes > BROWSE_BYTES)) break
      items.push([live.attempts, itemToWire({ ...item, order: live.order })])
    }
    return { items }
  }

  /** It is empty, its copies know, and nobody has used it for a while. */
  get isUnused(): boolean {
    const isEmpty = this.#replica.count === 0 && this.#replica.transactions.undecided().length === 0
    const isIdle = this.#dispatcher.consumers.size === 0 && this.#turns.size === 0
    return isEmpty && isIdle && this.#ports.clock.now() - this.#usedAt >= UNUSED_MS
  }

  /** Resolves when everything so far is on disk here and wherever it should be. */
  async safe(): Promise<void> {
    await this.#safe()
  }

  counts(): QueueCounts {
    const { count: messages, bytes } = this.#replica
    const { readyCount: ready, leasedCount: delivering, delivered, consumers } = this.#dispatcher
    const scheduled = messages - ready - delivering
    return {
      messages,
      bytes,
      ready,
      delivering,
      scheduled,
      consumers: consumers.size,
      delivered,
      ...this.#counts,
    }
  }

  consumers(): readonly ConsumerStats[] {
    const now = this.#ports.clock.now()
    const listed = [...this.#dispatcher.consumers.values()].slice(0, MAX_LISTED)
    return listed.map(({ spec, leases, delivered, since }) => ({
      id: spec.id,
      peer: spec.peer,
      priority: spec.priority,
      exclusive: spec.isExclusive,
      selector: spec.selector,
      delivering: leases.size,
      delivered,
      forMs: now - since,
    }))
  }

  rebalance(): Value {
    return this.#dispatcher.rebalance()
  }

  /** Finishes everything that it knows of; gives how many that were. */
  async purge(): Promise<number> {
    const before = this.#replica.count
    for (const source of this.#replica.sources.values()) {
      if (source.high === 0) continue
      const all = new Intervals([1, source.high])
      this.#dispatcher.removed(this.#replica.finish(source, all))
      this.replication.logDone(source, all)
    }
    this.#wakeRoom()
    await this.#safe()
    return before
  }

  /**
   * Sends waiting messages on, to `to` or else to where each came from, and finishes them here once they are safe there; gives
   * how many. One that came from nowhere stays.
   */
  async move(row: Readonly<Record<string, unknown>>): Promise<number> {
    const { to, limit } = row
    const selector = selectorOf(row['selector'])
    if ((to !== null && !isTopicName(to)) || (limit !== null && !isCount(limit)))
      throw new MessagingError('malformed', 'this moves no messages')
    const wanted = [...this.#replica.messages()]
      .filter((live) => this.#dispatcher.isReady(live))
      .filter((live) => !selector || selector.matches(subjectOf(live, this.#replica.queue)))
      .sort((a, b) => a.order - b.order)
      .slice(0, limit ?? Number.POSITIVE_INFINITY)
    let moved = 0
    for (const live of wanted) {
      this.#assertOpen()
      if (await this.#moveOne(live, to ?? undefined)) moved++
    }
    await this.#safe()
    return moved
  }

  async #moveOne(live: Live, to: string | undefined): Promise<boolean> {
    const { source, number, page, at } = live
    const item = (await this.#replica.items(page))?.[at]
    const queue = to ?? item?.headers[ORIGINAL_QUEUE]
    if (!item || !isTopicName(queue) || !this.#dispatcher.take(live)) return false
    const id = messageId(source.from, source.stream, number)
    try {
      const headers = to === undefined ? withoutOrigin(item.headers) : item.headers
      const added = to === undefined ? {} : originOf(this.#replica.queue, id)
      await this.#ports.forward(
        queue,
        { ...item, headers },
        added,
        `${id}/${to === undefined ? 'retried' : 'moved'}`,
      )
    } catch (error) {
      this.#dispatcher.giveBack(live)
      throw error
    }
    this.#finish([live])
    return true
  }

  async #takeIn(
    source: Source,
    base: number,
    drafts: readonly Draft[],
    refused: [number, string][],
  ): Promise<number> {
    // What the sender no longer has was safe once, and is here or was lost with all who had it.
    source.high = Math.max(source.high, base - 1)
    const fresh = drafts.filter((draft) => draft.number > source.high)
    if (fresh.length === 0 || (fresh[0] as Draft).number !== source.high + 1) return source.high
    if (this.settings.whenFull === 'block' && this.#isFull(0, 0)) await this.#roomMade()
    this.#assertOpen()
    const { taken, last } = this.#admit(fresh, source.from, refused)
    if (last === undefined) return source.high
    const items = taken.map((draft) => this.#stamp(source, draft))
    // The copies are written while this disk writes.
    if (items.length > 0) this.replication.logItems(items)
    const lives = await this.#keep(items, refused)
    source.high = Math.max(source.high, last)
    this.#counts.added += lives.length
    this.#voidNumbers(source, refused)
    this.#dispatcher.added(lives)
    return source.high
  }

  /** On this disk; what it has no room for is refused to its sender. */
  async #keep(items: readonly QueueItem[], refused: [number, string][]): Promise<readonly Live[]> {
    try {
      return await this.#replica.add(items)
    } catch (error) {
      if (!(error instanceof TabmeshError) || error.code !== 'quota') throw error
      for (const { number } of items) refused.push([number, 'quota'])
      return []
    } finally {
      for (const { tags } of items) if (tags.dedupId !== undefined) this.#admitting.delete(tags.dedupId)
    }
  }

  /** What there is room for, and the last number that is decided; those that follow stay with their sender for now. */
  #admit(
    drafts: readonly Draft[],
    from: PeerId,
    refused: [number, string][],
  ): { readonly taken: readonly Draft[]; readonly last: number | undefined } {
    const { whenFull } = this.settings
    const taken: Draft[] = []
    let bytes = 0
    let last: number | undefined
    for (const draft of drafts) {
      const { dedupId, tx } = draft.tags
      const isFull = this.#isFull(taken.length, bytes + draft.body.byteLength)
      if (isFull && whenFull === 'block') break
      last = draft.number
      if (this.#filter && !this.#filter.matches(draftSubject(draft, from, this.#replica.queue))) {
        refused.push([draft.number, 'filtered'])
      } else if (
        dedupId !== undefined &&
        (this.#replica.dedup.has(dedupId) || this.#admitting.has(dedupId))
      ) {
        refused.push([draft.number, 'duplicate'])
      } else if (
        (isFull && whenFull === 'fail') ||
        (tx !== undefined && !this.#replica.transactions.hasRoom)
      ) {
        refused.push([draft.number, 'queue-full'])
      } else {
        if (isFull) this.#dropOldest()
        if (dedupId !== undefined) this.#admitting.add(dedupId)
        bytes += draft.body.byteLength
        taken.push(draft)
      }
    }
    return { taken, last }
  }

  #isFull(messages: number, bytes: number): boolean {
    const { maxMessages, maxBytes } = this.settings
    return this.#replica.count + messages >= maxMessages || this.#replica.bytes + bytes > maxBytes
  }

  /** Resolves when something was finished, or after a while: the sender asks again. */
  #roomMade(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#ports.clock.after(ROOM_WAIT_MS, done)
      function done() {
        cancel()
        resolve()
      }
      this.#room.push(done)
    })
  }

  #wakeRoom(): void {
    for (const wake of this.#room.splice(0)) wake()
  }

  #dropOldest(): void {
    const oldest = this.#dispatcher.oldestReady()
    if (oldest) this.#finish([oldest])
  }

  #stamp(source: Source, draft: Draft): QueueItem {
    const { number, priority, sentAt, ttlMs, delayMs, body, headers, tags } = draft
    const wall = this.#ports.clock.wall()
    const order = ++this.#replica.maxOrder
    const expiresAt = ttlMs > 0 ? wall + ttlMs : 0
    const deliverAt = delayMs > 0 ? wall + delayMs : 0
    // A copy: the body's bytes are a view on the frame that they came in.
    const own = body.slice()
    const { from, stream } = source
    return { from, stream, number, order, priority, sentAt, expiresAt, deliverAt, body: own, headers, tags }
  }

  /** Numbers that will never be messages. */
  #voidNumbers(source: Source, refused: readonly (readonly [number, string])[]): void {
    if (refused.length === 0) return
    const numbers = new Intervals()
    for (const [number] of refused) numbers.add(number)
    this.#replica.finish(source, numbers)
    this.replication.logDone(source, numbers)
  }

  /** One batch of a stream at a time: a later one must not overtake. */
  #inTurn<T>(source: Source, work: () => Promise<T>): Promise<T> {
    const mine = (this.#turns.get(source.key) ?? Promise.resolve()).then(work, work)
    this.#turns.set(source.key, mine)
    const done = () => {
      if (this.#turns.get(source.key) === mine) this.#turns.delete(source.key)
    }
    mine.then(done, done)
    return mine
  }

  #tellStored(source: Source, mark: number): void {
    // Who has it in its outbox and is to keep the other copy has that copy already.
    const isEnough = this.replication.isOnlyOther(source.from)
    const body = { ...headToWire(this.#replica.queue, this.epoch), stream: source.stream, mark, isEnough }
    this.#ports.calls.notify(source.from, CHANNEL_STORED, body).catch(() => {
      // The answer to its request says it too.
    })
  }

  #claims(consumer: Consumer, value: unknown): Value {
    const claims = readAll(value, MAX_TOKENS, (part) =>
      Array.isArray(part) && typeof part[0] === 'string' && typeof part[1] === 'string' && isNumber(part[2])
        ? ([part[0], part[1], part[2]] as const)
        : undefined,
    )
    const granted: [number, number][] = []
    for (const [at, [from, stream, number]] of (claims ?? []).entries()) {
      const source = this.#replica.sources.get(`${from}/${stream}`)
      const live = source?.live.get(number)
      const lease = live && this.#dispatcher.claim(consumer, live)
      if (lease) granted.push([at, lease.token])
      else if (source?.done.has(number)) granted.push([at, FINISHED])
    }
    return granted
  }

  #remove(id: string, how: 'closed' | 'lost'): void {
    const consumer = this.#dispatcher.consumers.get(id)
    if (!consumer) return
    const outgoing = this.#outgoing.get(consumer)
    if (outgoing) outgoing.isClosed = true
    this.#usedAt = this.#ports.clock.now()
    this.#outgoing.delete(consumer)
    this.#dispatcher.removeConsumer(id, how)
  }

  #consumerOf(id: unknown, from: PeerId): Consumer | undefined {
    const consumer = typeof id === 'string' ? this.#dispatcher.consumers.get(id) : undefined
    return consumer?.spec.peer === from ? consumer : undefined
  }

  #finish(lives: readonly Live[]): void {
    const bySource = new Map<Source, Intervals>()
    for (const { source, number } of lives) {
      const numbers = bySource.get(source) ?? new Intervals()
      numbers.add(number)
      bySource.set(source, numbers)
    }
    for (const [source, numbers] of bySource) {
      this.#dispatcher.removed(this.#replica.finish(source, numbers))
      this.replication.logDone(source, numbers)
    }
    if (lives.length > 0) this.#wakeRoom()
  }

  /** Nobody waits for it: a disk that fails says so to those who do. */
  #finishQuietly(lives: readonly Live[]): void {
    this.#finish(lives)
    this.#replica.settled().catch(() => {
      // It is tried again with the next.
    })
  }

  /** Resolves when everything so far is on disk here and wherever it should be. */
  async #safe(): Promise<number> {
    const { seq } = this.replication
    await this.#replica.settled()
    return this.replication.reached(seq)
  }

  #onAttempts(live: Live, attempts: number): void {
    this.#counts.failed++
    this.#replica.setAttempts(live, attempts)
    this.replication.logAttempts(live)
  }

  /** To another queue first, then finished here: who dies in between sends it again, and it is known there. */
  async #leave(live: Live, queue: string, why: 'dead' | 'expired'): Promise<void> {
    const { source, number, page, at } = live
    const id = messageId(source.from, source.stream, number)
    try {
      const item = (await this.#replica.items(page))?.[at]
      if (item && !isLastStop(this.#replica.queue))
        await this.#ports.forward(
          queue,
          item,
          originOf(this.#replica.queue, id, why === 'expired' ? this.#ports.clock.wall() : undefined),
          id,
        )
      if (this.#isClosed) return
      this.#counts[why]++
      this.#finishQuietly([live])
    } catch {
      // The other queue does not take it now: tried again while this reign lasts.
      if (!this.#isClosed) this.#ports.clock.after(LEAVE_RETRY_MS, () => void this.#leave(live, queue, why))
    }
  }

  /** What one holder brought the others lack. */
  async #onMerged({ added, finished, news }: Merge): Promise<void> {
    this.#dispatcher.removed(finished)
    for (const [source, numbers] of news) this.replication.logDone(source, numbers)
    for (const state of this.#replica.transactions.all()) this.replication.logTx(state)
    this.#participant.takeAll()
    this.#dispatcher.added(added)
    for (const live of added) {
      const item = (await this.#replica.items(live.page))?.[live.at]
      if (item) this.replication.logItems([{ ...item, order: live.order }])
    }
  }

  #deliver(consumer: Consumer, leases: readonly Lease[]): void {
    let outgoing = this.#outgoing.get(consumer)
    if (!outgoing) {
      const { calls, clock } = this.#ports
      outgoing = new Outgoing(this.#replica, this.epoch, calls, clock, consumer, ({ token }) =>
        this.#dispatcher.fail(consumer, token, DAMAGED_RETRY_MS),
      )
      this.#outgoing.set(consumer, outgoing)
    }
    outgoing.push(leases)
  }

  /** Two owners of a split may have given out the same places: a sender's messages take theirs in its own order. */
  #restoreOrder(): void {
    for (const source of this.#replica.sources.values()) {
      const byPriority = new Map<number, Live[]>()
      for (const live of source.live.values())
        byPriority.set(live.priority, [...(byPriority.get(live.priority) ?? []), live])
      for (const lives of byPriority.values()) {
        const orders = lives.map((live) => live.order).sort((a, b) => a - b)
        lives.sort((a, b) => a.number - b.number)
        for (const [at, live] of lives.entries()) live.order = orders[at] as number
      }
    }
  }

  #sweep(): void {
    this.#participant.sweep()
    if (this.settings.autoDelete && this.isUnused) this.#ports.onUnused()
    const now = this.#ports.clock.now()
    for (const id of [...this.#heard.keys()]) {
      if (!this.#dispatcher.consumers.has(id)) this.#heard.delete(id)
      else if (now - (this.#heard.get(id) as number) > LEASE_MS) this.#remove(id, 'lost')
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new MessagingError('not-owner', 'this member does not own the queue any more')
  }
}

/** What fails there goes nowhere else. */
function isLastStop(queue: string): boolean {
  return queue.startsWith('DLQ.') || queue.startsWith('EXP.')
}

const ORIGINAL_QUEUE = '_AMQ_ORIG_QUEUE'

/** Artemis' names, so that a selector written for it fits. */
function originOf(queue: string, id: string, expiredAt?: number): Headers {
  const origin = { _AMQ_ORIG_ADDRESS: queue, [ORIGINAL_QUEUE]: queue, _AMQ_ORIG_MESSAGE_ID: id }
  return expiredAt === undefined ? origin : { ...origin, _AMQ_ACTUAL_EXPIRY: expiredAt }
}

function withoutOrigin(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('_AMQ_')))
}

function selectorOf(text: unknown): Selector | undefined {
  return typeof text === 'string' && text !== '' ? compileSelector(text) : undefined
}
