import { type Clock, type Random, randomToken, sleep, withTimeout } from '../../base/index.ts'
import type { Store } from '../../storage/index.ts'
import { MessagingError } from '../errors.ts'
import { prepareAck } from './prepared-acks.ts'
import type { Delivery, SendOptions } from './queue.ts'
import { TABLE_JOURNAL } from './tables.ts'
import { type Decision, isDecision } from './tx-state.ts'

/** Everything is prepared within this, or the transaction is aborted. */
const PREPARE_MS = 8_000
const APPLY_TRIES = 3
const RETRY_MS = 1_000
const MAX_OPERATIONS = 1_000

/** What a transaction does takes effect together, in every queue, or not at all. */
export interface Transaction {
  queue(name: string): { send(body: unknown, options?: Omit<SendOptions, 'level' | 'signal'>): void }
  topic(name: string): { publish(body: unknown, options?: Pick<SendOptions, 'headers'>): void }
  /** Finishes the message of this delivery with the rest; an attempt that is another's by now aborts the whole. */
  ack(delivery: Delivery): void
}

/** One message of a transaction, for one queue. */
export interface TxSend {
  readonly queue: string
  readonly put: (tx: string, home: string, signal: AbortSignal) => Promise<{ readonly isDuplicate: boolean }>
}

export interface TransactionPorts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Throws a MessagingError for a message that cannot be sent. */
  readonly sendOf: (queue: string, body: unknown, options: SendOptions) => TxSend
  /** For the durable subscribers of a topic; `publish` is for those who subscribe now, once it is committed. */
  readonly publishOf: (
    topic: string,
    body: unknown,
    options: Pick<SendOptions, 'headers'>,
  ) => { readonly sends: readonly TxSend[]; readonly publish: () => Promise<unknown> }
  readonly decide: (home: string, tx: string, decision: 'commit' | 'abort') => Promise<unknown>
  readonly apply: (queue: string, tx: string, home: string, decision: Decision) => Promise<unknown>
}

interface JournalEntry {
  readonly home: string
  readonly queues: readonly string[]
}

/** Coordinates the transactions of this node: prepare everywhere, decide at one queue, tell the others. */
export class Transactions {
  readonly #ports: TransactionPorts

  constructor(ports: TransactionPorts) {
    this.#ports = ports
  }

  /**
   * Rejects with what `work` throws, with a MessagingError `aborted` whose cause says why, or with `signal.reason` before
   * the decision. Resolves once the commit is recorded; others may see its parts a moment later.
   */
  async run(work: (tx: Transaction) => unknown, signal: AbortSignal | undefined): Promise<void> {
    const collected = new Collected(this.#ports)
    await work(collected)
    signal?.throwIfAborted()
    const { sends, deliveries, publishes } = collected
    const queues = [...new Set([...sends.map(({ queue }) => queue), ...deliveries.map(({ queue }) => queue)])]
    const [home] = queues
    if (home === undefined) return void (await Promise.all(publishes.map((publish) => publish())))
    const tx = randomToken(this.#ports.random)
    await this.#commit(tx, { home, queues }, collected, signal)
    for (const publish of publishes) publish().catch(ignore)
  }

  /** What a former life of this tab left undecided is aborted, unless it had been decided. */
  async recover(): Promise<void> {
    for (const [key, row] of await this.#ports.store.entries(TABLE_JOURNAL)) {
      const { home, queues } = (row ?? {}) as Partial<JournalEntry>
      if (typeof key === 'string' && typeof home === 'string' && Array.isArray(queues))
        void this.#conclude(key, { home, queues }, 'abort').catch(ignore)
    }
  }

  async #commit(
    tx: string,
    entry: JournalEntry,
    collected: Collected,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { store, clock } = this.#ports
    await store.write([{ table: TABLE_JOURNAL, key: tx, value: entry }], 'strict')
    try {
      await withTimeout(clock, 'preparing the transaction', PREPARE_MS, signal, (inner) =>
        this.#prepare(tx, entry.home, collected, inner),
      )
    } catch (cause) {
      void this.#conclude(tx, entry, 'abort').catch(ignore)
      for (const { conclude } of collected.deliveries) conclude(false)
      if (signal?.aborted) throw signal.reason
      throw new MessagingError('aborted', 'The transaction was aborted: nothing of it has happened.', {
        cause,
      })
    }
    const decision = await this.#conclude(tx, entry, 'commit')
    for (const { conclude } of collected.deliveries) conclude(decision === 'commit')
    if (decision !== 'commit')
      throw new MessagingError(
        'aborted',
        'The transaction took too long and was aborted: nothing of it has happened.',
      )
  }

  async #prepare(
    tx: string,
    home: string,
    { sends, deliveries }: Collected,
    signal: AbortSignal,
  ): Promise<void> {
    const puts = sends.map(async ({ queue, put }) => {
      const { isDuplicate } = await put(tx, home, signal)
      if (isDuplicate)
        throw new MessagingError('duplicate', `${queue} knows a message of this dedupId already`)
    })
    const acks = deliveries.map(async ({ prepare }) => {
      if (!(await prepare(tx, home)))
        throw new MessagingError('lease-lost', 'one of its attempts is another’s by now')
    })
    await Promise.all([...puts, ...acks])
  }

  /** Decides at the home, which holds to its first decision, and tells the others; they ask if they hear nothing. */
  async #conclude(tx: string, { home, queues }: JournalEntry, wanted: 'commit' | 'abort'): Promise<Decision> {
    const { store, clock, signal } = this.#ports
    let decision: unknown
    while (decision === undefined) {
      decision = await this.#ports.decide(home, tx, wanted).catch(async () => {
        await sleep(clock, RETRY_MS, signal)
        return undefined
      })
    }
    const decided = isDecision(decision) ? decision : 'abort'
    const told = Promise.all(queues.map((queue) => this.#tell(queue, tx, home, decided)))
    void told
      .then(() => store.write([{ table: TABLE_JOURNAL, key: tx, remove: true }], 'relaxed'))
      .catch(ignore)
    return decided
  }

  async #tell(queue: string, tx: string, home: string, decision: Decision): Promise<void> {
    const { clock, signal } = this.#ports
    for (let tries = 1; tries <= APPLY_TRIES; tries++) {
      try {
        await this.#ports.apply(queue, tx, home, decision)
        return
      } catch {
        await sleep(clock, RETRY_MS, signal)
      }
    }
  }
}

/** What the work of a transaction asks for, before any of it happens. */
class Collected implements Transaction {
  readonly sends: TxSend[] = []
  readonly deliveries: ReturnType<typeof prepareAck>[] = []
  readonly publishes: (() => Promise<unknown>)[] = []
  readonly #ports: TransactionPorts

  constructor(ports: TransactionPorts) {
    this.#ports = ports
  }

  queue(name: string): ReturnType<Transaction['queue']> {
    return {
      send: (body, options = {}) => {
        this.#assertRoom()
        this.sends.push(this.#ports.sendOf(name, body, options))
      },
    }
  }

  topic(name: string): ReturnType<Transaction['topic']> {
    return {
      publish: (body, options = {}) => {
        this.#assertRoom()
        const { sends, publish } = this.#ports.publishOf(name, body, options)
        this.sends.push(...sends)
        this.publishes.push(publish)
      },
    }
  }

  ack(delivery: Delivery): void {
    this.#assertRoom()
    this.deliveries.push(prepareAck(delivery))
  }

  #assertRoom(): void {
    if (this.sends.length + this.deliveries.length < MAX_OPERATIONS) return
    throw new MessagingError('bad-option', `a transaction has at most ${MAX_OPERATIONS} messages and acks`)
  }
}

function ignore(): void {}
