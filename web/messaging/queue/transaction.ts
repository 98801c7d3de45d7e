import { type Clock, type Random, randomToken, sleep, withTimeout } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import type { Store } from '../../storage/index.ts'
import { MessagingError } from '../errors.ts'
import type { Headers } from '../item.ts'
import { type AckOutcome, type AckParty, ackPartyOf } from './ack-party.ts'
import type { Delivery, SendOptions } from './queue.ts'
import { TABLE_JOURNAL } from './tables.ts'
import { type Decision, isDecision } from './tx-state.ts'

/** Everything is prepared within this, or the transaction is aborted. */
const PREPARE_MS = 8_000
/** An aborted transaction waits so long for the queues to know of it. */
const ABORT_MS = 3_000
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

/** One for those who subscribe at the moment of the commit. */
export interface LiveMessage {
  readonly topic: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Headers
}

export interface TransactionPorts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** To the queue and to where diverts take it; throws a MessagingError for a message that cannot be sent. */
  readonly sendsOf: (queue: string, body: unknown, options: SendOptions) => readonly TxSend[]
  /** For the durable subscribers of a topic, and for those who subscribe when it is committed. */
  readonly publishOf: (
    topic: string,
    body: unknown,
    options: Pick<SendOptions, 'headers'>,
  ) => { readonly sends: readonly TxSend[]; readonly live: LiveMessage | undefined }
  readonly publish: (message: LiveMessage) => Promise<unknown>
  readonly decide: (home: string, tx: string, decision: 'commit' | 'abort') => Promise<unknown>
  readonly apply: (queue: string, tx: string, home: string, decision: Decision) => Promise<unknown>
}

interface JournalEntry {
  readonly home: string
  readonly queues: readonly string[]
  readonly publishes: readonly LiveMessage[]
  /** Written before anybody is asked to commit: a later life says the same again. Before it, nobody was. */
  readonly wanted: 'commit' | 'abort'
}

interface Concluded {
  readonly decision: Decision
  /** Rejects when this node ends before. */
  readonly whenTold: Promise<unknown>
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
    signal?.throwIfAborted()
    const collected = new Collected(this.#ports)
    try {
      await work(collected)
      signal?.throwIfAborted()
    } catch (error) {
      collected.conclude('given-back')
      throw error
    } finally {
      collected.close()
    }
    const { sends, acks, publishes } = collected
    const queues = [...new Set([...sends, ...acks.keys()].map(({ queue }) => queue))]
    const [home] = queues
    if (home === undefined) await Promise.all(publishes.map(this.#ports.publish))
    else await this.#commit({ home, queues, publishes, wanted: 'abort' }, collected, signal)
  }

  /** What a former life of this tab left undecided is aborted; what it was about to commit is committed. */
  async recover(): Promise<void> {
    for (const [key, row] of await this.#ports.store.entries(TABLE_JOURNAL)) {
      const entry = row as JournalEntry
      if (typeof key === 'string' && isJournalEntry(entry)) void this.#conclude(key, entry).catch(ignore)
    }
  }

  async #commit(entry: JournalEntry, collected: Collected, signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#ports
    const tx = randomToken(random)
    try {
      await this.#write(tx, entry)
      await withTimeout(clock, 'preparing the transaction', PREPARE_MS, signal, (inner) =>
        this.#prepare(tx, entry.home, collected, inner),
      )
      await this.#write(tx, { ...entry, wanted: 'commit' })
    } catch (cause) {
      await this.#giveBack(this.#conclude(tx, entry), collected)
      signal?.throwIfAborted()
      const text = 'The transaction was aborted: nothing of it has happened.'
      throw new MessagingError('aborted', text, { cause })
    }
    const concluded = this.#conclude(tx, { ...entry, wanted: 'commit' })
    const { decision } = await concluded
    if (decision === 'commit') return collected.conclude('finished')
    await this.#giveBack(concluded, collected)
    const text =
      'This tab was away for too long: the transaction was aborted, and nothing of it has happened.'
    throw new MessagingError('aborted', text)
  }

  /** The attempts are their consumers' again once the queues know of the abort; not, where that takes too long. */
  async #giveBack(concluded: Promise<Concluded>, collected: Collected): Promise<void> {
    const told = concluded.then(({ whenTold }) => whenTold)
    told.catch(ignore)
    try {
      await withTimeout(this.#ports.clock, 'aborting the transaction', ABORT_MS, undefined, () => told)
      collected.conclude('given-back')
    } catch {
      collected.conclude('lost')
    }
  }

  async #prepare(
    tx: string,
    home: string,
    { sends, acks, isFenced }: Collected,
    signal: AbortSignal,
  ): Promise<void> {
    if (isFenced) throw fenced()
    const puts = sends.map(async ({ queue, put }) => {
      const { isDuplicate } = await put(tx, home, signal)
      if (isDuplicate)
        throw new MessagingError('duplicate', `${queue} knows a message of this dedupId already`)
    })
    const held = [...acks].map(async ([party, deliveries]) => {
      if (deliveries.length > 0 && !(await party.prepare(deliveries, tx, home))) throw fenced()
    })
    await Promise.all([...puts, ...held])
  }

  /** Decides at the home, which holds to its first decision, and tells the others; they ask if they hear nothing. */
  async #conclude(tx: string, { home, queues, publishes, wanted }: JournalEntry): Promise<Concluded> {
    const { clock, signal, store, publish } = this.#ports
    let decision: unknown
    while (!isDecision(decision)) {
      try {
        decision = await this.#ports.decide(home, tx, wanted)
      } catch (error) {
        // It has decided nothing and never will: everybody who holds a part presumes an abort.
        if (isFinal(error)) decision = 'presumed'
        else await sleep(clock, RETRY_MS, signal)
      }
    }
    const decided = decision
    const published = decided === 'commit' ? Promise.all(publishes.map(publish)) : undefined
    const whenTold = Promise.all(queues.map((queue) => this.#tell(queue, tx, home, decided)))
    Promise.all([published, whenTold])
      .then(() => store.write([{ table: TABLE_JOURNAL, key: tx, remove: true }], 'relaxed'))
      .catch(ignore)
    // What this node publishes next comes after it.
    await published?.catch(ignore)
    return { decision, whenTold }
  }

  async #tell(queue: string, tx: string, home: string, decision: Decision): Promise<void> {
    const { clock, signal } = this.#ports
    for (let tries = 1; tries <= APPLY_TRIES; tries++) {
      try {
        await this.#ports.apply(queue, tx, home, decision)
        return
      } catch (error) {
        if (isFinal(error)) return
        await sleep(clock, RETRY_MS, signal)
      }
    }
  }

  #write(tx: string, entry: JournalEntry): Promise<void> {
    return this.#ports.store.write([{ table: TABLE_JOURNAL, key: tx, value: entry }], 'strict')
  }
}

/** What the work of a transaction asks for, before any of it happens. */
class Collected implements Transaction {
  readonly sends: TxSend[] = []
  readonly acks = new Map<AckParty, Delivery[]>()
  readonly publishes: LiveMessage[] = []
  /** One of the attempts is another's by now. */
  isFenced = false
  readonly #ports: TransactionPorts
  #count = 0
  #isClosed = false

  constructor(ports: TransactionPorts) {
    this.#ports = ports
  }

  queue(name: string): ReturnType<Transaction['queue']> {
    return {
      send: (body, options = {}) => {
        this.#assertOpen()
        this.sends.push(...this.#ports.sendsOf(name, body, options))
      },
    }
  }

  topic(name: string): ReturnType<Transaction['topic']> {
    return {
      publish: (body, options = {}) => {
        this.#assertOpen()
        const { sends, live } = this.#ports.publishOf(name, body, options)
        this.sends.push(...sends)
        if (live) this.publishes.push(live)
      },
    }
  }

  ack(delivery: Delivery): void {
    this.#assertOpen()
    const party = ackPartyOf(delivery)
    const known = this.acks.get(party) ?? []
    if (known.includes(delivery)) return
    this.acks.set(party, known)
    if (party.claim(delivery)) known.push(delivery)
    else this.isFenced = true
  }

  close(): void {
    this.#isClosed = true
  }

  conclude(outcome: AckOutcome): void {
    for (const [party, deliveries] of this.acks) party.conclude(deliveries, outcome)
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new MessagingError('closed', 'the work of this transaction has ended')
    if (++this.#count > MAX_OPERATIONS)
      throw new MessagingError('bad-option', `a transaction has at most ${MAX_OPERATIONS} messages and acks`)
  }
}

function isJournalEntry(entry: Partial<JournalEntry> | undefined): entry is JournalEntry {
  return typeof entry?.home === 'string' && Array.isArray(entry.queues) && Array.isArray(entry.publishes)
}

function fenced(): MessagingError {
  return new MessagingError('lease-lost', 'One of its attempts is another’s by now, or settled already.')
}

function ignore(): void {}
