import {
  type Clock,
  every,
  type MessageId,
  type PeerId,
  type Random,
  randomToken,
  sleep,
} from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import { decodeBody, type Headers, messageId } from '../item.ts'
import { compileSelector } from '../selector/index.ts'
import { type AckOutcome, type AckParty, offerAck } from './ack-party.ts'
import type { Calls } from './calls.ts'
import { compareEpochs } from './epoch.ts'
import {
  type Attempt,
  headToWire,
  isRow,
  MAX_TOKENS,
  METHOD_CANCEL,
  METHOD_CONSUME,
  METHOD_PREPARE,
  METHOD_SETTLE,
  readAll,
  readAttempt,
  readHead,
} from './messages.ts'
import type { Ownership, Reign } from './ownership.ts'
import type { AckMode, ConsumeOptions, Delivery } from './queue.ts'
import type { QueueItem } from './queue-item.ts'
import { MESSAGE_COST_BYTES } from './replica.ts'
import type { QueueSettings } from './settings.ts'

/** Artemis' consumer window. */
const DEFAULT_PREFETCH = 1024 * 1024
const MAX_PREFETCH = 64 * 1024 * 1024
const REQUEST_MS = 10_000
const RETRY_MS = 1_000
/** The owner hears of a consumer at least so often; it forgets one after three times as long. */
const RENEW_MS = 10_000
/** Attempts that wait for the loop however small they are. */
const MAX_BUFFERED = 65_536

const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'individual', 'dups-ok', 'pre']

interface Held {
  readonly attempt: Attempt
  readonly size: number
  /** Whose token it is: it means nothing to another owner, or another reign of the same. */
  reign: Reign
  token: number
  /** `prepared`: for a transaction, which says what becomes of it. `passed`: so, and the loop has gone on. */
  state: 'held' | 'prepared' | 'passed' | 'settling' | 'settled' | 'lost'
}

interface Settling {
  readonly held: Held
  readonly how: 'ack' | 'release' | { readonly delayMs: number }
  resolve(): void
  reject(reason: unknown): void
}

interface ConsumerPorts {
  readonly calls: Calls
  readonly clock: Clock
  readonly random: Random
  readonly ownership: Ownership
  readonly reply: (item: QueueItem, body: unknown, headers: Headers | undefined) => Promise<void>
  readonly onEnd: (consumer: QueueConsumer) => void
}

/** One loop over a queue: registered with whoever owns it, again whenever that changes. */
export class QueueConsumer implements AckParty {
  readonly id: string
  readonly ready: Promise<void>
  readonly queue: string
  readonly #ports: ConsumerPorts
  readonly #settings: Partial<QueueSettings>
  readonly #mode: AckMode
  readonly #window: number
  readonly #priority: number
  readonly #isExclusive: boolean
  readonly #selector: string
  readonly #controller = new AbortController()
  readonly #onAbort: () => void
  readonly #userSignal: AbortSignal | undefined
  readonly #stopRenewing: () => void
  #reign: Reign | undefined
  #isRegistered = false
  /** Each registration has a name of its own: what was on its way to the one before is not for this one. */
  #registrations = 0
  #buffer: Held[] = []
  /** What the loop has taken and not settled, oldest first. */
  readonly #inHand = new Set<Held>()
  readonly #given = new WeakMap<Delivery, Held>()
  #settling: Settling[] = []
  #flushing: Promise<void> | undefined
  #isFlushWanted = false
  #isEnding = false
  #credit = 0
  #lastTaken = 0
  /** The last that the owner of this reign brought. */
  #lastToken = 0
  #wake: (() => void) | undefined
  #hasReader = false
  /** Looks whether it is still registered. */
  #poke: (() => void) | undefined
  #failure: { readonly reason: unknown } | undefined
  #resolveReady: () => void = () => {}
  #rejectReady: (reason: unknown) => void = () => {}

  /** Throws a MessagingError `bad-option`, or a SelectorError. */
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
    } = options
    if (selector !== '') compileSelector(selector)
    if (!Number.isInteger(prefetch) || prefetch < 0 || prefetch > MAX_PREFETCH)
      throw new MessagingError('bad-option', `prefetch must be 0 to ${MAX_PREFETCH} bytes`)
    if (!ACK_MODES.includes(ack))
      throw new MessagingError('bad-option', `ack must be one of ${ACK_MODES.join(', ')}`)
    if (!Number.isSafeInteger(priority))
      throw new MessagingError('bad-option', 'priority must be a whole number')
    signal?.throwIfAborted()
    this.id = randomToken(ports.random)
    this.queue = queue
    this.#ports = ports
    this.#settings = settings
    this.#mode = ack
    this.#window = prefetch
    this.#priority = priority
    this.#isExclusive = exclusive
    this.#selector = selector
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
    this.#stopRenewing = every(ports.clock, RENEW_MS, () => void this.#flush())
    void this.#stayRegistered()
  }

  get #name(): string {
    return `${this.id}.${this.#registrations}`
  }

  /** Attempts from the owner. Throws a MessagingError where they are none, or another's. */
  onDeliver(body: unknown, from: PeerId): void {
    const head = readHead(body)
    if (head?.row['consumer'] !== this.#name)
      throw new MessagingError('lease-lost', 'this was for an earlier registration of the consumer')
    const attempts = head && readAll(head.row['attempts'], MAX_TOKENS, readAttempt)
    const reign = this.#reign
    if (!attempts) throw new MessagingError('malformed', 'these are no attempts')
    if (!reign || reign.owner !== from || compareEpochs(reign.epoch, head.epoch) !== 0)
      throw new MessagingError('stale-epoch', 'this consumer obeys another owner')
    for (const attempt of attempts) {
      // Sent again after a link broke.
      if (attempt.token <= this.#lastToken) continue
      // An owner that gives more than it was given credit for is not ours to feed.
      if (this.#buffer.length >= MAX_BUFFERED)
        throw new MessagingError('queue-full', 'this consumer has no room')
      this.#lastToken = attempt.token
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
    await this.#flush()
    const reign = this.#reign
    this.#controller.abort(new MessagingError('closed', 'the loop has ended'))
    for (const { reject } of this.#settling.splice(0)) reject(leaseLost())
    this.#ports.onEnd(this)
    if (!reign) return
    const body = { ...headToWire(this.queue, reign.epoch), consumer: this.#name }
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
      const held = this.#buffer.shift()
      if (held) return held
      if (this.#window === 0) {
        this.#credit++
        void this.#flush()
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  /** Undefined where the sender's bytes are no value: it fails, and ends among the dead letters. */
  #take(held: Held): Delivery | undefined {
    this.#inHand.add(held)
    // With no window each message is asked for, so its own bytes are all the room that there was.
    this.#credit += this.#window === 0 ? held.size - 1 : held.size
    this.#lastTaken = Math.max(this.#lastTaken, held.token)
    if (this.#window > 0 && this.#credit * 2 >= this.#window) void this.#flush()
    const { item, attempts } = held.attempt
    const decoded = decodeBody(item.body)
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
      nack: ({ delayMs = -1 } = {}) => this.#settle(held, { delayMs }),
      reply: (body, { headers: given } = {}) => this.#ports.reply(item, body, given),
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
    const reign = this.#reign
    const all = this.#heldOf(deliveries)
    if (!reign || !this.#isRegistered) return false
    if (all.some((held) => held.reign !== reign)) return false
    const tokens = all.map(({ token }) => token)
    const body = { ...headToWire(this.queue, reign.epoch), consumer: this.#name, tx, home, tokens }
    const answer = await this.#ports.calls.request(reign.owner, METHOD_PREPARE, body, {
      timeoutMs: REQUEST_MS,
    })
    return isRow(answer) && answer['isPrepared'] === true
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
    if (outcome === 'lost') this.#registerAgain()
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

  #settle(held: Held, how: Settling['how']): Promise<void> {
    if (held.state === 'lost') return Promise.reject(leaseLost())
    if (held.state === 'prepared') held.state = 'passed'
    if (held.state !== 'held') return Promise.resolve()
    held.state = 'settling'
    this.#inHand.delete(held)
    return new Promise((resolve, reject) => {
      this.#settling.push({ held, how, resolve, reject })
      void this.#flush()
    })
  }

  #flush(): Promise<void> {
    this.#isFlushWanted = true
    this.#flushing ??= this.#flushWhileWanted()
    return this.#flushing
  }

  /** One that is asked for while another is on its way out is not taken for that one. */
  async #flushWhileWanted(): Promise<void> {
    try {
      while (this.#isFlushWanted) {
        this.#isFlushWanted = false
        await this.#flushAll()
      }
    } finally {
      this.#flushing = undefined
    }
  }

  async #flushAll(): Promise<void> {
    // What is settled in the same turn goes together.
    await Promise.resolve()
    do {
      const reign = this.#reign
      if (!this.#isRegistered || !reign) return
      // An answer that never came, from an owner that is none any more: it is claimed anew.
      if (this.#settling.some(({ held }) => held.reign !== reign)) return this.#registerAgain()
      await this.#settleSome(reign)
    } while (this.#settling.length > 0)
  }

  async #settleSome(reign: Reign): Promise<void> {
    const batch = this.#settling.splice(0, MAX_TOKENS)
    const credit = this.#credit
    this.#credit = 0
    const tokens = (how: Settling['how']) =>
      batch.filter((one) => one.how === how).map(({ held }) => held.token)
    const fails = batch.flatMap(({ held, how }) =>
      typeof how === 'object' ? [[held.token, how.delayMs]] : [],
    )
    const body = {
      ...headToWire(this.queue, reign.epoch),
      ...{ consumer: this.#name, acks: tokens('ack'), releases: tokens('release'), fails },
      ...{ credit, lastTaken: this.#lastTaken },
    }
    try {
      const answer = await this.#ports.calls.request(reign.owner, METHOD_SETTLE, body, {
        timeoutMs: REQUEST_MS,
      })
      const refused = new Set(isRow(answer) && Array.isArray(answer['refused']) ? answer['refused'] : [])
      for (const one of batch) {
        if (refused.has(one.held.token)) this.#lose(one)
        else this.#finish(one)
      }
    } catch {
      // The owner has changed, or has forgotten this consumer: claimed from whoever owns it now.
      this.#settling.unshift(...batch)
      this.#registerAgain()
    }
  }

  #registerAgain(): void {
    this.#isRegistered = false
    this.#poke?.()
  }

  #finish({ held, resolve }: Settling): void {
    held.state = 'settled'
    resolve()
  }

  #lose({ held, reject }: Settling): void {
    held.state = 'lost'
    reject(leaseLost())
  }

  async #stayRegistered(): Promise<void> {
    const { signal } = this.#controller
    const { ownership, clock } = this.#ports
    let isChecked = false
    while (!signal.aborted) {
      try {
        const known = isChecked ? ownership.reignOf(this.queue) : undefined
        const reign = known ?? (await ownership.open(this.queue, this.#settings, signal))
        isChecked = true
        if (!this.#isRegistered || !isSame(reign, this.#reign)) await this.#register(reign)
        await this.#changed(signal)
      } catch (error) {
        const code = (error as { code?: unknown }).code
        if (code === 'settings-conflict' || code === 'bad-selector') this.end({ reason: error })
        await sleep(clock, RETRY_MS, signal).catch(ignore)
      }
    }
  }

  /** Resolves when who owns the queue has changed, or the owner does not know this consumer. */
  #changed(signal: AbortSignal): Promise<void> {
    const { ownership } = this.#ports
    return new Promise((resolve) => {
      const look = () => {
        if (signal.aborted || !this.#isRegistered || !isSame(ownership.reignOf(this.queue), this.#reign))
          done()
      }
      const done = () => {
        stop()
        signal.removeEventListener('abort', done)
        this.#poke = undefined
        resolve()
      }
      const stop = ownership.onChange(look)
      this.#poke = look
      signal.addEventListener('abort', done, { once: true })
      look()
    })
  }

  /** What is held from before is claimed: the new owner grants what nobody else has by now. */
  async #register(reign: Reign): Promise<void> {
    const { signal } = this.#controller
    this.#isRegistered = false
    this.#reign = reign
    this.#lastToken = 0
    const replaces = this.#name
    this.#registrations++
    const claimed = [
      ...[...this.#inHand].filter(({ state }) => state !== 'prepared' && state !== 'passed'),
      ...this.#settling.map(({ held }) => held),
      ...this.#buffer,
    ]
    const claims = claimed.map(({ attempt: { item } }) => [item.from, item.stream, item.number])
    const body = {
      ...headToWire(this.queue, reign.epoch),
      ...{
        consumer: this.#name,
        window: this.#window,
        priority: this.#priority,
        isExclusive: this.#isExclusive,
      },
      ...{ selector: this.#selector, replaces, claims: claims.slice(0, MAX_TOKENS) },
    }
    const answer = await this.#ports.calls.request(reign.owner, METHOD_CONSUME, body, {
      timeoutMs: REQUEST_MS,
      signal,
    })
    this.#reclaim(claimed, reign, answer)
    this.#isRegistered = true
    this.#resolveReady()
    void this.#flush()
  }

  #reclaim(claimed: readonly Held[], reign: Reign, answer: unknown): void {
    const granted = new Map<number, number>()
    const pairs: readonly unknown[] =
      isRow(answer) && Array.isArray(answer['granted']) ? answer['granted'] : []
    for (const pair of pairs) if (Array.isArray(pair)) granted.set(pair[0] as number, pair[1] as number)
    const gone = new Set<Held>()
    for (const [at, held] of claimed.entries()) {
      const token = granted.get(at)
      if (token === undefined || token === 0) gone.add(held)
      if (token === undefined) held.state = 'lost'
      else {
        held.token = token
        held.reign = reign
      }
    }
    for (const one of this.#settling.filter(({ held }) => gone.has(held))) {
      if (one.held.state === 'lost') this.#lose(one)
      else this.#finish(one)
    }
    this.#settling = this.#settling.filter(({ held }) => !gone.has(held))
    this.#buffer = this.#buffer.filter((held) => !gone.has(held))
    for (const held of gone) this.#inHand.delete(held)
    // The owner counts what is claimed as under way; the loop has taken some of it already.
    const taken = claimed.filter((held) => !gone.has(held) && !this.#buffer.includes(held))
    this.#credit = taken.reduce((sum, { size }) => sum + size, this.#window === 0 && this.#wake ? 1 : 0)
    this.#lastTaken = Math.max(0, ...taken.map(({ token }) => token))
  }
}

function isSame(a: Reign | undefined, b: Reign | undefined): boolean {
  return a !== undefined && b !== undefined && a.owner === b.owner && compareEpochs(a.epoch, b.epoch) === 0
}

function leaseLost(): MessagingError {
  return new MessagingError(
    'lease-lost',
    'This attempt is no longer this consumer’s: its message goes to another.',
  )
}

function ignore(): void {}
