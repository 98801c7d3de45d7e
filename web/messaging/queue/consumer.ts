import {
  type Clock,
  every,
  isRecord,
  type MessageId,
  option,
  type PeerId,
  type Random,
  randomToken,
} from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import { MessagingError } from '../errors.ts'
import { decodeBody, type Headers, messageId } from '../item.ts'
import { type AckOutcome, type AckParty, offerAck } from './ack-party.ts'
import { isWhole, type KeptHere, LACKING, readDelivery } from './by-number.ts'
import type { Calls } from './calls.ts'
import { compareEpochs, type Reign } from './epoch.ts'
import { FINISHED, type Granted, type Held, leaseLost } from './held.ts'
import { type Attempt, type Head, headToWire, METHOD_CANCEL, METHOD_PREPARE, readHead } from './messages.ts'
import type { Ownership } from './ownership.ts'
import type { AckMode, ConsumeOptions, Delivery } from './queue.ts'
import { MAX_DURATION_MS, MAX_PRIORITY, type QueueItem } from './queue-item.ts'
import { Registration } from './registration.ts'
import { MESSAGE_COST_BYTES } from './replica.ts'
import type { QueueSettings } from './settings.ts'
import { type Settlement, Settler } from './settler.ts'
import { selectorOf } from './subject.ts'

/** Artemis' consumer window. */
const DEFAULT_PREFETCH = 1024 * 1024
const MAX_PREFETCH = 64 * 1024 * 1024
const REQUEST_MS = 10_000
/** The owner hears of a consumer at least so often; it forgets one after three times as long. */
const RENEW_MS = 10_000
/** Attempts that wait for the loop however small they are. */
const MAX_BUFFERED = 65_536

const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'individual', 'dups-ok', 'pre']
const CONSUME_OPTIONS = ['selector', 'prefetch', 'ack', 'exclusive', 'priority', 'signal'] as const

interface ConsumerPorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly random: Random
  readonly ownership: Ownership
  readonly keptHere: KeptHere
  readonly reply: (item: QueueItem, body: unknown, headers: Headers | undefined) => Promise<void>
  readonly onEnd: (consumer: QueueConsumer) => void
}

/** One loop over a queue: registered with whoever owns it, again whenever that changes. */
export class QueueConsumer implements AckParty {
  readonly id: string
  readonly ready: Promise<void>
  readonly queue: string
  readonly #ports: ConsumerPorts
  readonly #mode: AckMode
  readonly #window: number
  readonly #controller = new AbortController()
  readonly #onAbort: () => void
  readonly #userSignal: AbortSignal | undefined
  readonly #stopRenewing: () => void
  #buffer: Held[] = []
  /** What the loop has taken and not settled, oldest first. */
  readonly #inHand = new Set<Held>()
  readonly #given = new WeakMap<Delivery, Held>()
  readonly #settler: Settler
  readonly #registration: Registration
  #isEnding = false
  /** The last that the owner of this reign brought. */
  #lastToken = 0
  #wake: (() => void) | undefined
  /** By priority: the highest order that came. */
  readonly #seen: number[] = new Array<number>(MAX_PRIORITY + 1).fill(0)
  /** With no window: the loop has asked for one. */
  #isAsking = false
  /** How often this node had slept when it last asked the owner what is still its own. */
  #sleeps = 0
  #hasReader = false
  #failure: { readonly reason: unknown } | undefined
  #resolveReady: () => void = () => {}
  #rejectReady: (reason: unknown) => void = () => {}

  /** Throws an OptionError, or a SelectorError. */
  constructor(
    queue: string,
    options: ConsumeOptions,
    settings: Partial<QueueSettings>,
    ports: ConsumerPorts,
  ) {
    const {
      selector = '',
      prefetch = DEFAULT_PREFETCH,
      ack = 'auto',
      exclusive = false,
      priority = 0,
      signal,
    } = option.names('consume', options, CONSUME_OPTIONS)
    selectorOf(option.text('selector', selector))
    option.count('prefetch', prefetch, { most: MAX_PREFETCH })
    option.oneOf('ack', ack, ACK_MODES)
    option.boolean('exclusive', exclusive)
    option.count('priority', priority, { least: Number.MIN_SAFE_INTEGER })
    option.signal('signal', signal)?.throwIfAborted()
    this.id = randomToken(ports.random)
    this.queue = queue
    this.#ports = ports
    this.#mode = ack
    this.#window = prefetch
    this.#userSignal = signal
    this.#onAbort = () => this.end({ reason: signal?.reason })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.ready.catch(() => {
      // The loop is told as well.
    })
    const { calls, clock, ownership } = ports
    this.#settler = new Settler(queue, calls, () => this.#registration)
    this.#stopRenewing = every(clock, RENEW_MS, () => void this.#settler.flush())
    this.#registration = new Registration(
      this.id,
      queue,
      settings,
      { window: prefetch, priority, isExclusive: exclusive, selector },
      {
        ...{ calls, clock, ownership },
        begin: () => this.#claims(),
        seen: () => [...this.#seen],
        onGranted: (claimed, reign, granted) => this.#onGranted(claimed, reign, granted),
        onRefused: (reason) => this.end({ reason }),
      },
      this.#controller.signal,
    )
  }

  /**
   * Attempts from the owner. Rejects with a MessagingError where they are none, or another's; what is said by number is taken from
   * this device's own copy, all of them or none.
   */
  async onDeliver(body: unknown, from: PeerId): Promise<Value> {
    const head = readHead(body)
    if (!head) throw new MessagingError('malformed', 'these are no attempts')
    const reign = this.#reignOf(head, from)
    const given = readDelivery(head.row)
    if (!given) throw new MessagingError('malformed', 'these are no attempts')
    if (given.every(isWhole)) {
      this.#takeIn(given, reign)
      return null
    }
    const filled = await this.#ports.keptHere.fill(this.queue, given, this.#controller.signal)
    if (!filled) return LACKING
    // It may have another owner by now.
    this.#takeIn(filled, this.#reignOf(head, from))
    return null
  }

  /** Throws a MessagingError where this is not from whom the consumer is registered with now. */
  #reignOf({ epoch, row }: Head & { readonly row: Readonly<Record<string, unknown>> }, from: PeerId): Reign {
    const { reign, name } = this.#registration
    if (row['consumer'] !== name)
      throw new MessagingError('lease-lost', 'this was for an earlier registration of the consumer')
    if (!reign || reign.owner !== from || compareEpochs(reign.epoch, epoch) !== 0)
      throw new MessagingError('stale-epoch', 'this consumer obeys another owner')
    return reign
  }

  #takeIn(attempts: readonly Attempt[], reign: Reign): void {
    for (const attempt of attempts) {
      // Sent again after a link broke.
      if (attempt.token <= this.#lastToken) continue
      // An owner that gives more than it was given credit for is not ours to feed.
      if (this.#buffer.length >= MAX_BUFFERED)
        throw new MessagingError('queue-full', 'this consumer has no room')
      this.#lastToken = attempt.token
      const { priority, order } = attempt.item
      this.#seen[priority] = Math.max(this.#seen[priority] ?? 0, order)
      const size = attempt.item.body.byteLength + MESSAGE_COST_BYTES
      this.#buffer.push({ attempt, size, reign, token: attempt.token, state: 'held' })
    }
    this.#wake?.()
  }

  async *deliveries(): AsyncGenerator<Delivery, void, undefined> {
    if (this.#hasReader)
      throw new MessagingError('bad-option', 'a consumer has one loop: consume again for another')
    this.#hasReader = true
    try {
      for (;;) {
        const held = await this.#next()
        if (!held) return
        const delivery = this.#take(held)
        if (!delivery) continue
        if (this.#mode === 'pre') await this.#settle(held, 'ack').catch(ignore)
        if (held.state === 'lost') continue
        yield delivery
        if (this.#mode === 'auto' || this.#mode === 'dups-ok') this.#settle(held, 'ack').catch(ignore)
      }
    } finally {
      this.end()
    }
  }

  /** Gives back what it holds: what the loop had in hand as failed, the rest untouched. */
  end(failure?: { readonly reason: unknown }): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#failure = failure
    this.#userSignal?.removeEventListener('abort', this.#onAbort)
    this.#stopRenewing()
    for (const held of this.#inHand) this.#settle(held, { delayMs: -1 }).catch(ignore)
    for (const held of this.#buffer.splice(0)) this.#settle(held, 'release').catch(ignore)
    this.#rejectReady(failure?.reason ?? new MessagingError('closed', 'the loop has ended'))
    void this.#leave()
    this.#wake?.()
  }

  async #leave(): Promise<void> {
    await this.#settler.flush()
    const { reign, name } = this.#registration
    this.#controller.abort(new MessagingError('closed', 'the loop has ended'))
    this.#settler.close()
    this.#ports.onEnd(this)
    if (!reign) return
    const body = { ...headToWire(this.queue, reign.epoch), consumer: name }
    await this.#ports.calls.request(reign.owner, METHOD_CANCEL, body, { timeoutMs: REQUEST_MS }).catch(() => {
      // Whoever owns it now finds out by its silence.
    })
  }

  async #next(): Promise<Held | undefined> {
    for (;;) {
      if (this.#isEnding) {
        if (this.#failure) throw this.#failure.reason
        return undefined
      }
      // Who has slept may hold what others have finished since.
      if (this.#isDoubtful) this.#registration.again()
      else {
        const held = this.#buffer.shift()
        if (held) {
          this.#isAsking = false
          return held
        }
        this.#askForOne()
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  get #isDoubtful(): boolean {
    return this.#ports.ownership.sleeps !== this.#sleeps
  }

  #askForOne(): void {
    if (this.#window > 0 || this.#isAsking) return
    this.#isAsking = true
    this.#settler.lend(1)
    void this.#settler.flush()
  }

  /** Undefined where the sender's bytes are no value: it fails, and ends among the dead letters. */
  #take(held: Held): Delivery | undefined {
    this.#inHand.add(held)
    // With no window each message is asked for, so its own bytes are all the room that there was.
    this.#settler.lend(this.#window === 0 ? held.size - 1 : held.size, held.token)
    if (this.#window > 0 && this.#settler.credit * 2 >= this.#window) void this.#settler.flush()
    const { item, attempts } = held.attempt
    // Its bytes are the loop's own: they may be this device's copy, or share a packet with others.
    const decoded = decodeBody(item.body.slice())
    if (!decoded) {
      this.#settle(held, { delayMs: -1 }).catch(ignore)
      return undefined
    }
    const { from, stream, number, headers, sentAt, priority, tags } = item
    const { group, replyTo, correlationId, address = this.queue } = tags
    const delivery: Delivery = {
      id: messageId(from, stream, number) as MessageId,
      body: decoded.body,
      address,
      ...{ headers, from, sentAt, priority, group, replyTo, correlationId },
      deliveryCount: attempts + 1,
      redelivered: attempts > 0,
      ack: () => this.#ack(held),
      nack: async (options) => this.#settle(held, { delayMs: nackDelay(options) }),
      reply: async (body, options) =>
        this.#ports.reply(item, body, option.names('reply', options, ['headers']).headers),
    }
    this.#given.set(delivery, held)
    offerAck(delivery, this)
    return delivery
  }

  claim(delivery: Delivery): boolean {
    const held = this.#given.get(delivery)
    if (held?.state !== 'held') return false
    held.state = 'prepared'
    return true
  }

  /** Their leases are held for a transaction: whatever the loop does now, it is for that to decide. */
  async prepare(deliveries: readonly Delivery[], tx: string, home: string): Promise<boolean> {
    const { confirmed: reign, name } = this.#registration
    const all = this.#heldOf(deliveries)
    if (!reign || all.some((held) => held.reign !== reign)) return false
    const tokens = all.map(({ token }) => token)
    const body = { ...headToWire(this.queue, reign.epoch), consumer: name, tx, home, tokens }
    const answer = await this.#ports.calls.request(reign.owner, METHOD_PREPARE, body, {
      timeoutMs: REQUEST_MS,
    })
    return isRecord(answer) && answer['isPrepared'] === true
  }

  /** What comes back is in the loop's hand as before; where the loop has gone on, the attempt has failed. */
  conclude(deliveries: readonly Delivery[], outcome: AckOutcome): void {
    for (const held of this.#heldOf(deliveries)) {
      if (held.state !== 'prepared' && held.state !== 'passed') continue
      const hasPassed = held.state === 'passed'
      if (outcome !== 'given-back') this.#inHand.delete(held)
      if (outcome === 'finished') held.state = 'settled'
      else held.state = outcome === 'lost' ? 'lost' : 'held'
      if (held.state === 'held' && hasPassed) this.#settle(held, { delayMs: -1 }).catch(ignore)
    }
    // Whatever the owner still holds for this consumer, it gives to whoever comes.
    if (outcome === 'lost') this.#registration.again()
  }

  #heldOf(deliveries: readonly Delivery[]): readonly Held[] {
    return deliveries.flatMap((delivery) => this.#given.get(delivery) ?? [])
  }

  /** In `client` mode with all that the loop took before it. */
  async #ack(held: Held): Promise<void> {
    if (this.#mode !== 'client') return this.#settle(held, 'ack')
    const upTo: Held[] = []
    for (const one of this.#inHand) {
      upTo.push(one)
      if (one === held) break
    }
    if (!upTo.includes(held)) return this.#settle(held, 'ack')
    await Promise.all(upTo.map((one) => this.#settle(one, 'ack')))
  }

  #settle(held: Held, how: Settlement): Promise<void> {
    if (held.state === 'lost') return Promise.reject(leaseLost())
    if (held.state === 'prepared') held.state = 'passed'
    if (held.state !== 'held') return Promise.resolve()
    this.#inHand.delete(held)
    return this.#settler.settle(held, how)
  }

  /** What is held from before is claimed, but for what a transaction decides. */
  #claims(): readonly Held[] {
    this.#lastToken = 0
    this.#sleeps = this.#ports.ownership.sleeps
    const inHand = [...this.#inHand].filter(({ state }) => state !== 'prepared' && state !== 'passed')
    return [...inHand, ...this.#settler.open, ...this.#buffer]
  }

  #onGranted(claimed: readonly Held[], reign: Reign, granted: Granted): void {
    const gone = new Set<Held>()
    for (const [at, held] of claimed.entries()) {
      const token = granted.get(at)
      if (token === undefined || token === FINISHED) gone.add(held)
      if (token === undefined) held.state = 'lost'
      else {
        held.token = token
        held.reign = reign
      }
    }
    this.#buffer = this.#buffer.filter((held) => !gone.has(held))
    for (const held of gone) this.#inHand.delete(held)
    // The owner counts what is claimed as under way; the loop has taken some of it already.
    const taken = claimed.filter((held) => !gone.has(held) && !this.#buffer.includes(held))
    this.#settler.restart(gone, taken, this.#isAsking ? 1 : 0)
    this.#resolveReady()
    void this.#settler.flush()
    this.#wake?.()
  }
}

/** Below 0: the queue's own delay. */
function nackDelay(options: { readonly delayMs?: number } | undefined): number {
  const { delayMs } = option.names('nack', options, ['delayMs'])
  return delayMs === undefined ? -1 : option.durationMs('delayMs', delayMs, { most: MAX_DURATION_MS })
}

function ignore(): void {}
