import {
  type Clock,
  every,
  Intervals,
  isCount,
  isTokenId,
  type PeerId,
  type Random,
} from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { headersWeight } from '../item.ts'
import { instantOf } from './ages.ts'
import type { Calls } from './calls.ts'
import { Departures, type DeparturesPorts } from './departures.ts'
import { type Consumer, Dispatcher, type Lease } from './dispatcher.ts'
import type { Epoch } from './epoch.ts'
import { FINISHED } from './held.ts'
import { Intake } from './intake.ts'
import type { Live, Source } from './live.ts'
import { MAX_TOKENS, readAll, readSettlement } from './messages.ts'
import { Outgoing } from './outgoing.ts'
import { Participant, type ParticipantPorts } from './participant.ts'
import { isNumber, isTime, itemToWire, MAX_PRIORITY } from './queue-item.ts'
import { type Merge, mergeFrom } from './reconcile.ts'
import type { Replica } from './replica.ts'
import { Replication } from './replication.ts'
import type { QueueSettings } from './settings.ts'
import { type ConsumerStats, MAX_LISTED, type QueueCounts } from './stats.ts'
import { selectorOf, subjectOf } from './subject.ts'
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
const DAMAGED_RETRY_MS = 5_000

export interface OwnerPorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly random: Random
  readonly forward: DeparturesPorts['forward']
  readonly onFenced: () => void
  readonly askOutcome: ParticipantPorts['askOutcome']
  readonly askRoom: ParticipantPorts['askRoom']
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
  readonly #departures: Departures
  readonly #intake: Intake
  readonly #heard = new Map<string, number>()
  readonly #outgoing = new Map<Consumer, Outgoing>()
  readonly #stops: (() => void)[]
  readonly #counts = { acked: 0, failed: 0 }
  #usedAt: number
  #isClosed = false

  constructor(replica: Replica, settings: QueueSettings, epoch: Epoch, ports: OwnerPorts) {
    this.#replica = replica
    this.settings = settings
    this.epoch = epoch
    this.#ports = ports
    const { calls, clock, random } = ports
    this.#usedAt = clock.now()
    const { askOutcome, askRoom, isHere } = ports
    this.#participant = new Participant(replica, () => this.#dispatcher, {
      clock,
      askOutcome,
      askRoom,
      isHere,
      note: (state) => this.#noteTx(state),
      finish: (lives) => this.#finishQuietly(lives),
    })
    this.#dispatcher = new Dispatcher(settings, clock, random, {
      isHidden: (live) => this.#participant.isHidden(live),
      deliver: (consumer, leases) => this.#deliver(consumer, leases),
      onDead: (live, why) => void this.#departures.leave(live, why),
      onExpired: (live) => void this.#departures.leave(live, 'expired'),
      onReplaced: (lives) => this.#finishQuietly(lives),
      onAttempts: (live, attempts, waitMs) => this.#onAttempts(live, attempts, waitMs),
    })
    this.#departures = new Departures(replica, this.#dispatcher, {
      ...{ clock, forward: ports.forward },
      isClosed: () => this.#isClosed,
      finish: (lives) => this.#finishQuietly(lives),
    })
    this.replication = new Replication(replica, settings, epoch, calls, clock, {
      onFenced: ports.onFenced,
      onMerged: (merge) => void this.#onMerged(merge),
    })
    this.#intake = new Intake(replica, settings, epoch, {
      ...{ calls, clock, replication: this.replication },
      onAdded: (lives) => this.#dispatcher.added(lives),
      dropOldest: () => this.#dropOldest(),
    })
    replica.setReading('owner', true)
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
    this.#replica.setReading('owner', false)
    this.#dispatcher.close()
    for (const outgoing of this.#outgoing.values()) outgoing.isClosed = true
    this.replication.close()
    this.#intake.close()
  }

  /** Members that have gone take their consumers with them. */
  dropPeer(peer: PeerId): void {
    const its = [...this.#dispatcher.consumers.values()].filter(({ spec }) => spec.peer === peer)
    this.#remove(
      its.map(({ spec }) => spec.id),
      'lost',
    )
    this.#dispatcher.pump()
  }

  /** Takes over what a member has that is not to keep copies; resolves when it is safe without it. */
  async absorb(peer: PeerId, signal: AbortSignal): Promise<void> {
    await this.#onMerged(await mergeFrom(peer, this.#replica, this.epoch, this.#ports.calls, signal))
    await this.#safe()
  }

  put(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    this.#usedAt = this.#ports.clock.now()
    return this.#intake.put(row, from)
  }

  /** Answers with what the consumer already has in hand and keeps: [index, token] of its claims, with token 0 for what is finished. */
  consume(row: Readonly<Record<string, unknown>>, from: PeerId): Value {
    const { consumer: id, window, priority, isExclusive } = row
    if (typeof id !== 'string' || id.length > 64 || !isCount(window) || typeof isExclusive !== 'boolean')
      throw new MessagingError('malformed', 'this is no consumer')
    if (!Number.isSafeInteger(priority)) throw new MessagingError('malformed', 'this is no consumer')
    const known = this.#dispatcher.consumers.get(id)
    if (known && known.spec.peer !== from) throw new MessagingError('malformed', 'this consumer is another’s')
    const former = this.#consumerOf(row['replaces'], from)
    // One that takes its own place again is none more.
    if (this.#dispatcher.consumers.size >= MAX_CONSUMERS && !known && !former)
      throw new MessagingError('queue-full', `a queue has at most ${MAX_CONSUMERS} consumers`)
    const selector = selectorOf(row['selector'])
    const seen = this.#seenOf(row['seen'])
    const replaced = [known, former].flatMap((one) => one?.spec.id ?? [])
    this.#remove(replaced, 'replaced')
    this.#heard.set(id, this.#ports.clock.now())
    const consumer = this.#dispatcher.addConsumer(
      {
        id,
        peer: from,
        window: Math.min(window, MAX_WINDOW),
        priority: priority as number,
        isExclusive,
        selector: selector?.text ?? '',
        accepts: selector ? (live) => selector.matches(subjectOf(live, this.#replica.queue)) : () => true,
      },
      seen,
    )
    const granted = this.#claims(consumer, row['claims'])
    this.#dispatcher.endClaims()
    return { granted }
  }

  /** By priority; one beyond all that is known here was of a reign that counted further: everything is shown again. */
  #seenOf(value: unknown): readonly number[] | undefined {
    const { maxOrder } = this.#replica
    return readAll(value, MAX_PRIORITY + 1, (order) => {
      if (!isTime(order)) return undefined
      return order > maxOrder ? 0 : order
    })
  }

  cancel(row: Readonly<Record<string, unknown>>, from: PeerId): Value {
    const consumer = this.#consumerOf(row['consumer'], from)
    if (consumer) this.#remove([consumer.spec.id], 'closed')
    this.#dispatcher.pump()
    return null
  }

  async settle(row: Readonly<Record<string, unknown>>, from: PeerId): Promise<Value> {
    const settlement = readSettlement(row)
    if (!settlement) throw new MessagingError('malformed', 'this is no settlement')
    const consumer = this.#consumerOf(row['consumer'], from)
    if (!consumer) throw new MessagingError('lease-lost', 'the queue’s owner does not know this consumer')
    this.#heard.set(consumer.spec.id, this.#ports.clock.now())
    // It has looked at what stays, and goes on.
    if (this.settings.nonDestructive) {
      this.#dispatcher.credit(consumer, settlement.credit, settlement.lastTaken)
      return { refused: [] }
    }
    const refused: number[] = []
    const acked: Live[] = []
    for (const token of settlement.acks) {
      const live = this.#dispatcher.leased(consumer, token)
      if (live) acked.push(live)
      else refused.push(token)
    }
    this.#counts.acked += acked.length
    this.#finish(acked, consumerId(consumer))
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
    if (consumer && this.settings.nonDestructive) return { isPrepared: true }
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
      const item = await this.#replica.itemOf(live)
      if (!item) continue
      bytes += live.size + headersWeight(live.headers)
      if (items.length >= BROWSE_ITEMS || (items.length > 0 && bytes > BROWSE_BYTES)) break
      items.push([live.attempts, itemToWire(item)])
    }
    return { items }
  }

  /** It is empty, its copies know, and nobody has used it for a while. */
  get isUnused(): boolean {
    const isEmpty = this.#replica.count === 0 && this.#replica.transactions.undecided().length === 0
    const isIdle = this.#dispatcher.consumers.size === 0 && this.#intake.isIdle
    return isEmpty && isIdle && this.#ports.clock.now() - this.#usedAt >= UNUSED_MS
  }

  /** Resolves when everything so far is on disk here and wherever it should be. */
  async safe(): Promise<void> {
    await this.#safe()
  }

  counts(): QueueCounts {
    const { count: messages, bytes } = this.#replica
    const { readyCount: ready, leasedCount: delivering, prefetchedCount: prefetched } = this.#dispatcher
    const { delivered, consumers } = this.#dispatcher
    const oldest = this.#dispatcher.oldestReady()
    // While a copy's messages are merged, what it has finished is still in hand or ready here.
    const scheduled = Math.max(0, messages - ready - delivering)
    return {
      messages,
      bytes,
      ready,
      delivering,
      prefetched,
      oldestMs: oldest ? Math.max(0, Math.round(this.#ports.clock.wall() - oldest.sentAt)) : 0,
      scheduled,
      consumers: consumers.size,
      delivered,
      added: this.#intake.added,
      ...this.#counts,
      ...this.#departures.counts,
      homeless: this.#participant.homeless,
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
    this.#intake.wake()
    await this.#safe()
    return before
  }

  /** See {@link Departures.move}. */
  async move(row: Readonly<Record<string, unknown>>): Promise<number> {
    const moved = await this.#departures.move(row)
    await this.#safe()
    return moved
  }

  #dropOldest(): void {
    const oldest = this.#dispatcher.oldestReady()
    if (oldest) this.#finish([oldest])
  }

  #claims(consumer: Consumer, value: unknown): Value {
    const claims = readAll(value, MAX_TOKENS, (part) =>
      Array.isArray(part) && typeof part[0] === 'string' && typeof part[1] === 'string' && isNumber(part[2])
        ? ([part[0], part[1], part[2]] as const)
        : undefined,
    )
    const id = consumerId(consumer)
    const granted: [number, number][] = []
    for (const [at, [from, stream, number]] of (claims ?? []).entries()) {
      const source = this.#replica.sources.get(`${from}/${stream}`)
      const live = source?.live.get(number)
      const lease = live && this.#dispatcher.claim(consumer, live)
      if (lease) granted.push([at, lease.token])
      // Only what it acked itself: what another finished meanwhile is not for a late ack to settle.
      else if (this.settings.nonDestructive) granted.push([at, FINISHED])
      else if (source && this.#replica.finishers.has(id, source.key, number)) granted.push([at, FINISHED])
    }
    return granted
  }

  /** See {@link Dispatcher.removeConsumers}. */
  #remove(ids: readonly string[], how: 'closed' | 'lost' | 'replaced'): void {
    for (const id of ids) {
      const consumer = this.#dispatcher.consumers.get(id)
      if (!consumer) continue
      const outgoing = this.#outgoing.get(consumer)
      if (outgoing) outgoing.isClosed = true
      this.#usedAt = this.#ports.clock.now()
      this.#outgoing.delete(consumer)
    }
    this.#dispatcher.removeConsumers(ids, how)
  }

  #consumerOf(id: unknown, from: PeerId): Consumer | undefined {
    const consumer = typeof id === 'string' ? this.#dispatcher.consumers.get(id) : undefined
    return consumer?.spec.peer === from ? consumer : undefined
  }

  #finish(lives: readonly Live[], by = ''): void {
    const bySource = new Map<Source, Intervals>()
    for (const { source, number } of lives) {
      const numbers = bySource.get(source) ?? new Intervals()
      numbers.add(number)
      bySource.set(source, numbers)
    }
    for (const [source, numbers] of bySource) {
      this.#dispatcher.removed(this.#replica.finish(source, numbers, by))
      this.replication.logDone(source, numbers, by)
    }
    if (lives.length > 0) this.#intake.wake()
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

  #onAttempts(live: Live, attempts: number, waitMs: number): void {
    this.#counts.failed++
    this.#replica.setAttempts(live, attempts, instantOf(waitMs, this.#ports.clock.wall()))
    this.replication.logAttempts(live)
  }

  /** What one holder brought the others lack. */
  async #onMerged({ added, finished, news, attempted }: Merge): Promise<void> {
    this.#dispatcher.removed(finished)
    for (const [source, numbers, by] of news) this.replication.logDone(source, numbers, by)
    for (const live of attempted) this.replication.logAttempts(live)
    for (const state of this.#replica.transactions.all()) this.replication.logTx(state)
    this.#participant.takeAll()
    for (const live of added) live.copySeq = Number.POSITIVE_INFINITY
    this.#dispatcher.added(added)
    for (const live of added) {
      const item = await this.#replica.itemOf(live)
      if (item) live.copySeq = this.replication.logItems([item])
    }
  }

  #deliver(consumer: Consumer, leases: readonly Lease[]): void {
    let outgoing = this.#outgoing.get(consumer)
    if (!outgoing) {
      const { calls, clock } = this.#ports
      const { peer } = consumer.spec
      outgoing = new Outgoing(this.#replica, this.epoch, calls, clock, consumer, {
        hasCopy: (live) => peer !== calls.self && this.replication.gives(peer, live.copySeq),
        onUndelivered: (lease) => this.#onUndelivered(lease),
      })
      this.#outgoing.set(consumer, outgoing)
    }
    outgoing.push(leases)
  }

  /** It is finished by now, or fails for now; the room that it was to take is its consumer's again. */
  #onUndelivered({ consumer, token, live }: Lease): void {
    this.#dispatcher.fail(consumer, token, DAMAGED_RETRY_MS)
    this.#dispatcher.credit(consumer, live.size, 0)
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
    for (const id of [...this.#heard.keys()]) if (!this.#dispatcher.consumers.has(id)) this.#heard.delete(id)
    const silent = [...this.#heard].filter(([, at]) => now - at > LEASE_MS)
    this.#remove(
      silent.map(([id]) => id),
      'lost',
    )
    if (silent.length > 0) this.#dispatcher.pump()
  }
}

/** The same for all registrations of one loop; empty for one that no loop of ours makes. */
function consumerId({ spec }: Consumer): string {
  const [id] = spec.id.split('.')
  return isTokenId(id) ? id : ''
}
