import type { Clock, PeerId, Random } from '../../base/index.ts'
import type { LastFailure } from '../origin.ts'
import { Groups } from './groups.ts'
import type { Live } from './live.ts'
import { type Cursor, Ready } from './ready.ts'
import { Schedule } from './schedule.ts'
import { type QueueSettings, redeliveryDelay } from './settings.ts'

export interface ConsumerSpec {
  readonly id: string
  readonly peer: PeerId
  /** Bytes that may be under way to it before it gives credit. */
  readonly window: number
  /** Higher ones are served first; lower ones when those have no credit or want nothing. */
  readonly priority: number
  /** Wants to be the only one, now and later. */
  readonly isExclusive: boolean
  /** What `accepts` goes by, as it was written; empty: it accepts all. */
  readonly selector: string
  readonly accepts: (live: Live) => boolean
}

/** One attempt at one message. Its token is this owner's only one of that number: a fencing token. */
export interface Lease {
  readonly token: number
  readonly live: Live
  readonly consumer: Consumer
}

export interface Consumer {
  readonly spec: ConsumerSpec
  readonly cursor: Cursor
  /** In the order of their tokens. */
  readonly leases: Map<number, Lease>
  /** Bytes that it still takes. */
  balance: number
  /** The last that its loop was seen to have taken. */
  lastTaken: number
  /** Messages that it was ever given. */
  delivered: number
  readonly since: number
}

/** Consumers of one priority, served in turn. */
interface Level {
  readonly consumers: readonly Consumer[]
  /** Whose turn it is. */
  next: number
}

export interface DispatchEvents {
  /** Nobody may see it until it is revealed. */
  isHidden(live: Live): boolean
  deliver(consumer: Consumer, leases: readonly Lease[]): void
  /** No more attempts; it stays leased to nobody until it is finished. */
  onDead(live: Live, why: LastFailure): void
  onExpired(live: Live): void
  /** Superseded by a newer one, or too old for its ring. */
  onReplaced(lives: readonly Live[]): void
  /** There is no next attempt for `waitMs`. */
  onAttempts(live: Live, attempts: number, waitMs: number): void
}

/** Who gets which message, and who holds it. One queue's, at its owner; knows nothing of disks and links. */
export class Dispatcher {
  readonly #settings: QueueSettings
  readonly #clock: Clock
  readonly #random: Random
  readonly #events: DispatchEvents
  readonly #ready = new Ready()
  readonly #later: Schedule<Live>
  readonly #expiry: Schedule<Live>
  /** Live messages that are not ready, and why. */
  readonly #held = new Map<Live, Lease | 'later' | 'leaving' | 'hidden' | 'returning'>()
  readonly #returning: Live[] = []
  /** Leased to a consumer, and held for its transaction whatever becomes of it. */
  readonly #pinned = new Set<Live>()
  readonly #consumers = new Map<string, Consumer>()
  readonly #groups = new Groups<Consumer>(() => {
    for (const { cursor } of this.#consumers.values()) Ready.again(cursor)
  })
  readonly #lastValues = new Map<string, Live>()
  /** By priority, highest first. */
  #levels: Level[] = []
  #nextToken = 1
  #isPaused = true
  #isPumping = false
  delivered = 0

  constructor(settings: QueueSettings, clock: Clock, random: Random, events: DispatchEvents) {
    this.#settings = settings
    this.#clock = clock
    this.#random = random
    this.#events = events
    this.#later = new Schedule(clock, (lives) => this.#onDue(lives))
    this.#expiry = new Schedule(clock, (lives) => this.#onExpiry(lives))
  }

  get readyCount(): number {
    return this.#ready.count
  }

  /** Of those that are leased: what its consumer's loop has not taken yet, as far as that consumer has said so. */
  get prefetchedCount(): number {
    let count = 0
    for (const consumer of this.#consumers.values()) count += prefetchedOf(consumer)
    return count
  }

  get leasedCount(): number {
    let count = 0
    for (const consumer of this.#consumers.values()) count += consumer.leases.size
    return count
  }

  get consumers(): ReadonlyMap<string, Consumer> {
    return this.#consumers
  }

  /** Nothing was dispatched before. */
  start(): void {
    this.#isPaused = false
    this.pump()
  }

  close(): void {
    this.#isPaused = true
    this.#later.close()
    this.#expiry.close()
  }

  added(lives: readonly Live[]): void {
    const seen: Live[] = []
    for (const live of lives) {
      if (this.#events.isHidden(live)) this.#held.set(live, 'hidden')
      else seen.push(live)
    }
    this.#enter(seen)
  }

  /** Those that were hidden. */
  reveal(lives: readonly Live[]): void {
    const hidden = lives.filter((live) => this.#held.get(live) === 'hidden')
    for (const live of hidden) this.#held.delete(live)
    this.#enter(hidden)
  }

  /** Its lease stays while its transaction is undecided. */
  pin(live: Live): void {
    this.#pinned.add(live)
  }

  /** Those whose consumer has gone meanwhile, or that another owner held, go to whoever comes. */
  unpin(lives: readonly Live[]): void {
    for (const live of lives) {
      this.#pinned.delete(live)
      if (this.#held.get(live) === 'hidden') this.#release(live)
    }
    this.pump()
  }

  /** They are a transaction's, as this owner has only now heard: whoever has one here has lost it, and nobody gets it. */
  withhold(lives: readonly Live[]): void {
    for (const live of lives) {
      const held = this.#held.get(live)
      if (typeof held === 'object') this.#drop(held)
      // What waits for its time, its loop or another queue is hidden when it comes back from there.
      else if (!this.#ready.remove(live)) continue
      this.#held.set(live, 'hidden')
    }
    this.pump()
  }

  #enter(lives: readonly Live[]): void {
    for (const live of lives) {
      const { expiresAt, deliverAt, retryAt } = live
      const [now, wall] = [this.#clock.now(), this.#clock.wall()]
      if (expiresAt > 0) this.#expiry.add(now + expiresAt - wall, live)
      if (deliverAt > wall) this.#hold(live, now + deliverAt - wall)
      else if (!this.#isNewest(live)) this.#leave([live])
      else if (retryAt > wall) this.#hold(live, now + retryAt - wall)
      else this.#makeReady(live)
    }
    this.pump()
  }

  /** They are finished: nobody gets them, and who holds one holds it for nothing. */
  removed(lives: readonly Live[]): void {
    for (const live of lives) {
      const held = this.#held.get(live)
      this.#held.delete(live)
      this.#pinned.delete(live)
      if (typeof held === 'object') this.#drop(held)
      else if (held === undefined) this.#ready.remove(live)
      const value = this.#lastValueOf(live)
      if (value !== undefined && this.#lastValues.get(value) === live) this.#lastValues.delete(value)
    }
  }

  /** The one that a full queue gives up first. */
  oldestReady(): Live | undefined {
    return this.#ready.oldest()
  }

  isReady(live: Live): boolean {
    return !this.#held.has(live) && live.source.live.get(live.number) === live
  }

  /** Nobody gets it until it is finished or given back; false when somebody has it. */
  take(live: Live): boolean {
    if (!this.isReady(live) || !this.#ready.remove(live)) return false
    this.#held.set(live, 'leaving')
    return true
  }

  giveBack(live: Live): void {
    if (this.#held.get(live) !== 'leaving') return
    this.#release(live)
    this.pump()
  }

  /**
   * It gets something at the next {@link pump}: what it has in hand from before is claimed first. `seen`, of messages that stay: the
   * highest order that it has seen in each priority.
   */
  addConsumer(spec: ConsumerSpec, seen: readonly number[] = []): Consumer {
    const consumer: Consumer = {
      spec,
      cursor: Ready.cursor(),
      leases: new Map(),
      balance: spec.window,
      lastTaken: 0,
      delivered: 0,
      since: this.#clock.now(),
    }
    if (this.#settings.nonDestructive)
      for (const [priority, order] of seen.entries()) Ready.pass(consumer.cursor, { priority, order })
    this.#consumers.set(spec.id, consumer)
    this.#arrange()
    return consumer
  }

  /**
   * What they have goes to others at the next {@link pump}, once all of it is back: what comes again stands before what is newer.
   * `lost`: each may have died of the message that it had in hand, so that one counts as an attempt. `replaced`: none does, and
   * nobody gets any of it before {@link endClaims}, since it comes back at once and claims what it has.
   */
  removeConsumers(ids: readonly string[], how: 'closed' | 'lost' | 'replaced'): void {
    const gone = ids.flatMap((id) => this.#consumers.get(id) ?? [])
    for (const consumer of gone) {
      this.#consumers.delete(consumer.spec.id)
      this.#groups.leave(consumer)
    }
    this.#arrange()
    for (const consumer of gone) this.#takeBack(consumer, how)
  }

  #takeBack(consumer: Consumer, how: 'closed' | 'lost' | 'replaced'): void {
    let isInHand = how === 'lost'
    for (const lease of consumer.leases.values()) {
      this.#groups.ended(lease.live)
      if (this.#pinned.has(lease.live)) {
        this.#held.set(lease.live, 'hidden')
        continue
      }
      if (how === 'replaced') {
        this.#held.set(lease.live, 'returning')
        this.#returning.push(lease.live)
        continue
      }
      const wasTaken = lease.token <= consumer.lastTaken
      if (wasTaken || isInHand) this.#failed(lease.live, how === 'lost' ? 'consumer-lost' : 'given-back')
      else this.#release(lease.live)
      if (!wasTaken) isInHand = false
    }
  }

  credit(consumer: Consumer, bytes: number, lastTaken: number): void {
    // With no window one is asked for at a time; a sign of life asks for none and takes nothing back.
    consumer.balance = Math.min(consumer.balance + bytes, Math.max(1, consumer.spec.window))
    consumer.lastTaken = Math.max(consumer.lastTaken, lastTaken)
    this.pump()
  }

  /** The message of an attempt that is still this consumer's; undefined for every other token. */
  leased(consumer: Consumer, token: number): Live | undefined {
    const live = consumer.leases.get(token)?.live
    return live && !this.#pinned.has(live) ? live : undefined
  }

  /** The attempt has failed; `delayMs` overrides the settings'. It goes to others at the next {@link pump}: what else comes back may stand before it. */
  fail(consumer: Consumer, token: number, delayMs: number | undefined): boolean {
    const live = this.#end(consumer, token)
    if (live) this.#failed(live, 'given-back', delayMs)
    return live !== undefined
  }

  /** It was never looked at: no attempt. To others at the next {@link pump}; who gives back so wants no more. */
  release(consumer: Consumer, token: number): boolean {
    const live = this.#end(consumer, token)
    if (live) this.#release(live)
    consumer.balance = Number.NEGATIVE_INFINITY
    return live !== undefined
  }

  /** Takes one that a consumer holds from before: false when another has it or it is gone. */
  claim(consumer: Consumer, live: Live): Lease | undefined {
    // Everybody may look at it: it is nobody's.
    if (this.#settings.nonDestructive) return { token: this.#nextToken++, live, consumer }
    if (this.#events.isHidden(live)) return undefined
    const isReturning = this.#held.get(live) === 'returning'
    if (!isReturning && (this.#held.has(live) || !this.#ready.remove(live))) return undefined
    return this.#lease(consumer, live)
  }

  /** What was not claimed by the one who had it goes to whoever comes. */
  endClaims(): void {
    for (const live of this.#returning.splice(0))
      if (this.#held.get(live) === 'returning') this.#release(live)
    this.pump()
  }

  /** Every message group goes to whoever takes its next message, once nobody has one of it in hand; gives how many. */
  rebalance(): number {
    const moved = this.#groups.rebalance()
    this.pump()
    return moved
  }

  pump(): void {
    if (this.#isPaused || this.#isPumping) return
    this.#isPumping = true
    this.#trimRing()
    const deliveries = new Map<Consumer, Lease[]>()
    for (const level of this.#levels) while (this.#serve(level, deliveries));
    this.#isPumping = false
    for (const [consumer, leases] of deliveries) this.#events.deliver(consumer, leases)
  }

  /** One message for each of them that has credit and finds one; false when none did. */
  #serve(level: Level, deliveries: Map<Consumer, Lease[]>): boolean {
    let isProgress = false
    const { consumers, next } = level
    for (let turn = 0; turn < consumers.length; turn++) {
      const at = (next + turn) % consumers.length
      const consumer = consumers[at] as Consumer
      if (consumer.balance <= 0 || this.#ready.count === 0) continue
      const live = this.#ready.next(consumer.cursor, (one) => this.#answer(consumer, one))
      if (!live) continue
      isProgress = true
      level.next = at + 1
      const leases = deliveries.get(consumer) ?? []
      deliveries.set(consumer, leases)
      leases.push(this.#settings.nonDestructive ? this.#show(consumer, live) : this.#give(consumer, live))
    }
    return isProgress
  }

  #answer(consumer: Consumer, live: Live): 'yes' | 'never' | 'later' {
    if (!consumer.spec.accepts(live)) return 'never'
    return this.#groups.canTake(live, consumer) ? 'yes' : 'later'
  }

  #give(consumer: Consumer, live: Live): Lease {
    this.#ready.remove(live)
    return this.#lease(consumer, live)
  }

  #lease(consumer: Consumer, live: Live): Lease {
    const lease: Lease = { token: this.#nextToken++, live, consumer }
    this.#held.set(live, lease)
    consumer.leases.set(lease.token, lease)
    this.#groups.taken(live, consumer)
    consumer.balance -= live.size
    this.#given(consumer)
    return lease
  }

  /** A look at a message that stays. */
  #show(consumer: Consumer, live: Live): Lease {
    Ready.pass(consumer.cursor, live)
    consumer.balance -= live.size
    this.#given(consumer)
    return { token: this.#nextToken++, live, consumer }
  }

  #given(consumer: Consumer): void {
    this.delivered++
    consumer.delivered++
  }

  #end(consumer: Consumer, token: number): Live | undefined {
    const lease = consumer.leases.get(token)
    if (!lease || this.#pinned.has(lease.live)) return undefined
    this.#drop(lease)
    return lease.live
  }

  #drop({ consumer, token, live }: Lease): void {
    consumer.leases.delete(token)
    this.#groups.ended(live)
  }

  #failed(live: Live, why: LastFailure, delayMs?: number): void {
    const attempts = live.attempts + 1
    const waitMs = delayMs ?? redeliveryDelay(this.#settings, attempts, this.#random.float())
    this.#events.onAttempts(live, attempts, waitMs)
    const { maxDeliveries } = this.#settings
    if (maxDeliveries !== -1 && attempts >= maxDeliveries) {
      this.#held.set(live, 'leaving')
      this.#events.onDead(live, why)
      return
    }
    if (!(waitMs > 0)) this.#release(live)
    else if (this.#isNewest(live)) this.#hold(live, this.#clock.now() + waitMs)
    else this.#leave([live])
  }

  #release(live: Live): void {
    this.#held.delete(live)
    if (live.expiresAt > 0 && live.expiresAt <= this.#clock.wall()) this.#expire(live)
    else if (this.#isNewest(live)) this.#makeReady(live)
    else this.#leave([live])
  }

  #makeReady(live: Live): void {
    if (this.#events.isHidden(live)) {
      this.#held.set(live, 'hidden')
      return
    }
    this.#ready.add(live)
    for (const { cursor } of this.#consumers.values()) Ready.came(cursor, live)
  }

  #hold(live: Live, until: number): void {
    this.#held.set(live, 'later')
    this.#later.add(until, live)
  }

  #onDue(lives: readonly Live[]): void {
    for (const live of lives) if (this.#held.get(live) === 'later') this.#release(live)
    this.pump()
  }

  #onExpiry(lives: readonly Live[]): void {
    for (const live of lives) {
      const held = this.#held.get(live)
      // Who holds it may finish it; if it comes back instead, it expires then.
      if (held === 'later' || (held === undefined && this.#ready.remove(live))) this.#expire(live)
    }
  }

  #expire(live: Live): void {
    this.#held.set(live, 'leaving')
    this.#events.onExpired(live)
  }

  /** False where a newer one with its value is here. The one that is older goes; one in delivery when it comes back. */
  #isNewest(live: Live): boolean {
    const value = this.#lastValueOf(live)
    if (value === undefined) return true
    const known = this.#lastValues.get(value)
    if (known && known !== live && known.order > live.order) return false
    this.#lastValues.set(value, live)
    if (!known || known === live) return true
    if (this.#held.get(known) === 'later' || this.#ready.remove(known)) this.#leave([known])
    return true
  }

  #lastValueOf(live: Live): string | undefined {
    const { lastValueKey } = this.#settings
    if (lastValueKey === '' || !Object.hasOwn(live.headers, lastValueKey)) return undefined
    const value = live.headers[lastValueKey]
    return `${typeof value} ${String(value)}`
  }

  #trimRing(): void {
    const { ringSize } = this.#settings
    const old: Live[] = []
    while (ringSize > 0 && this.#ready.count > ringSize) {
      const live = this.#ready.oldest()
      if (!live) break
      this.#ready.remove(live)
      old.push(live)
    }
    if (old.length > 0) this.#leave(old)
  }

  #leave(lives: readonly Live[]): void {
    for (const live of lives) this.#held.set(live, 'leaving')
    this.#events.onReplaced(lives)
  }

  /** An exclusive queue has one consumer at work: the first of the highest priority. */
  #arrange(): void {
    const sorted = [...this.#consumers.values()].sort((a, b) => b.spec.priority - a.spec.priority)
    const exclusive = sorted.find(({ spec }) => spec.isExclusive)
    const atWork = exclusive ? [exclusive] : this.#settings.exclusive ? sorted.slice(0, 1) : sorted
    const levels = new Map<number, Consumer[]>()
    for (const consumer of atWork)
      levels.set(consumer.spec.priority, [...(levels.get(consumer.spec.priority) ?? []), consumer])
    this.#levels = [...levels.values()].map((consumers) => ({ consumers, next: 0 }))
  }
}

/** Tokens grow in the order of handing out: those that its loop has not taken are the last. */
export function prefetchedOf({ leases, lastTaken }: Consumer): number {
  let taken = 0
  for (const token of leases.keys()) {
    if (token > lastTaken) break
    taken++
  }
  return leases.size - taken
}
