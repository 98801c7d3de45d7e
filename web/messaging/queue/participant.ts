import { type Clock, isTokenId, type PeerId } from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import { isTopicName } from '../pattern.ts'
import type { Consumer, Dispatcher } from './dispatcher.ts'
import { readAll } from './messages.ts'
import { isNumber } from './queue-item.ts'
import type { Live, Replica } from './replica.ts'
import { type Decision, isDecision, MAX_TX_ACKS, type TxState } from './tx-state.ts'

/** A transaction that has heard nothing for so long asks for its outcome. */
const ASK_MS = 10_000
/** So long after the first such question, and its coordinator not here, it is presumed to be aborted. */
const PRESUME_MS = 60_000
/** Presumed ones keep their messages, out of sight, for so long: a split may heal and bring their commit. */
const KEEP_PRESUMED_MS = 24 * 3_600_000

type Row = Readonly<Record<string, unknown>>

export interface ParticipantPorts {
  readonly clock: Clock
  /** Notes it on this disk and the copies; resolves when it is as safe as the queue promises. */
  readonly note: (state: TxState) => Promise<void>
  readonly finish: (lives: readonly Live[]) => void
  /** Asks the queue that keeps a decision; undefined while it does not know. */
  readonly askOutcome: (home: string, tx: string, coordinator: PeerId) => Promise<Decision | undefined>
  readonly isHere: (peer: PeerId) => boolean
}

/**
 * A queue's part in transactions, at its owner: messages that nobody sees before the commit, acks that nobody else's attempt
 * overtakes, and, where the queue is the home of a transaction, the record of its decision.
 */
export class Participant {
  readonly #replica: Replica
  readonly #dispatcher: () => Dispatcher
  readonly #ports: ParticipantPorts
  readonly #hidden = new Map<string, Set<Live>>()
  /** When this owner first saw an undecided one, and when it was first asked about one. */
  readonly #since = new Map<string, number>()
  readonly #asked = new Map<string, number>()

  constructor(replica: Replica, dispatcher: () => Dispatcher, ports: ParticipantPorts) {
    this.#replica = replica
    this.#dispatcher = dispatcher
    this.#ports = ports
  }

  /** A message that nobody may see: of a transaction that is not committed, or acked by one that is not decided. */
  isHidden(live: Live): boolean {
    const { tx } = live.tags
    if (tx !== undefined && this.#replica.transactions.get(tx)?.decision !== 'commit') {
      const lives = this.#hidden.get(tx) ?? new Set()
      this.#hidden.set(tx, lives.add(live))
      return true
    }
    return this.#isPrepared(live)
  }

  #isPrepared(live: Live): boolean {
    for (const { decision, acks } of this.#replica.transactions.values()) {
      if (decision !== undefined) continue
      if (acks.some(([from, stream, number]) => this.#replica.find(from, stream, number) === live))
        return true
    }
    return false
  }

  /** Holds the leases of these attempts for a transaction; refuses all when one of them is not this consumer's. */
  async prepare(row: Row, consumer: Consumer, from: PeerId): Promise<{ readonly isPrepared: boolean }> {
    const { tx, home } = row
    const tokens = readAll(row['tokens'], MAX_TX_ACKS, (token) => (isNumber(token) ? token : undefined))
    if (!isTokenId(tx) || !isTopicName(home) || !tokens)
      throw new MessagingError('malformed', 'this prepares nothing')
    const lives = tokens.map((token) => this.#dispatcher().leased(consumer, token))
    if (lives.includes(undefined) || this.#replica.transactions.get(tx)?.decision !== undefined)
      return { isPrepared: false }
    for (const live of lives as Live[]) this.#dispatcher().pin(live)
    const acks = (lives as Live[]).map(({ source, number }) => [source.from, source.stream, number] as const)
    await this.#ports.note(this.#state(tx, home, from, undefined, acks))
    return { isPrepared: true }
  }

  /** At the home queue: the first decision holds. */
  async decide(row: Row, from: PeerId): Promise<Decision> {
    const { tx, decision } = row
    if (!isTokenId(tx) || (decision !== 'commit' && decision !== 'abort'))
      throw new MessagingError('malformed', 'this decides nothing')
    const known = this.#replica.transactions.get(tx)
    if (known && known.coordinator !== from)
      throw new MessagingError('malformed', 'this transaction is another’s')
    if (known?.decision !== undefined) return known.decision
    await this.#ports.note(this.#state(tx, this.#replica.queue, from, decision))
    this.#take(tx)
    return this.#replica.transactions.get(tx)?.decision ?? decision
  }

  /** At the home queue: undefined while the coordinator may still decide. */
  async outcome(row: Row): Promise<Decision | undefined> {
    const { tx, coordinator } = row
    if (!isTokenId(tx) || typeof coordinator !== 'string')
      throw new MessagingError('malformed', 'this asks nothing')
    const known = this.#replica.transactions.get(tx)?.decision
    if (known !== undefined) return known
    const now = this.#ports.clock.now()
    const since = this.#asked.get(tx) ?? now
    this.#asked.set(tx, since)
    if (this.#ports.isHere(coordinator as PeerId) || now - since < PRESUME_MS) return undefined
    await this.#ports.note(this.#state(tx, this.#replica.queue, coordinator as PeerId, 'presumed'))
    this.#take(tx)
    return 'presumed'
  }

  /** The coordinator's word, or the home's. */
  async apply(row: Row, from: PeerId): Promise<void> {
    const { tx, home, decision } = row
    if (!isTokenId(tx) || !isTopicName(home) || !isDecision(decision))
      throw new MessagingError('malformed', 'this applies nothing')
    const known = this.#replica.transactions.get(tx)
    const lives = this.#hidden.get(tx)
    if (known && known.coordinator !== from)
      throw new MessagingError('malformed', 'this transaction is another’s')
    for (const { source } of lives ?? [])
      if (source.from !== from) throw new MessagingError('malformed', 'this transaction is another’s')
    await this.#ports.note(this.#state(tx, home, from, decision))
    this.#take(tx)
  }

  /** What was noted takes effect; also called for what a merge brought. */
  takeAll(): void {
    for (const tx of [...this.#replica.transactions.keys()]) this.#take(tx)
  }

  #take(tx: string): void {
    const state = this.#replica.transactions.get(tx)
    if (state?.decision === undefined) return
    this.#since.delete(tx)
    this.#asked.delete(tx)
    const lives = [...(this.#hidden.get(tx) ?? [])]
    const acked = state.acks.flatMap((ack) => this.#replica.find(...ack) ?? [])
    if (state.decision === 'commit') {
      this.#hidden.delete(tx)
      this.#ports.finish(acked)
      this.#dispatcher().reveal(lives)
    } else {
      for (const live of acked) this.#dispatcher().unpin(live)
      if (state.decision === 'presumed') return
      this.#hidden.delete(tx)
      this.#ports.finish(lives)
    }
  }

  /** Asks about those that have heard nothing, and ends those that were presumed aborted long ago. */
  sweep(): void {
    const now = this.#ports.clock.now()
    for (const [tx, lives] of this.#hidden) {
      const [live] = lives
      if (live?.tags.txHome !== undefined) this.#look(tx, live.tags.txHome, live.source.from, now)
    }
    for (const { tx, home, coordinator, decision } of this.#replica.transactions.values())
      if (decision === undefined) this.#look(tx, home, coordinator, now)
  }

  #look(tx: string, home: string, coordinator: PeerId, now: number): void {
    const state = this.#replica.transactions.get(tx)
    if (state?.decision === 'presumed') {
      if (this.#ports.clock.wall() - state.at > KEEP_PRESUMED_MS)
        this.#ports.finish([...(this.#hidden.get(tx) ?? [])])
      return
    }
    const since = this.#since.get(tx) ?? now
    this.#since.set(tx, since)
    if (now - since >= ASK_MS) void this.#ask(tx, home, coordinator)
  }

  async #ask(tx: string, home: string, coordinator: PeerId): Promise<void> {
    try {
      const decision =
        home === this.#replica.queue
          ? await this.outcome({ tx, coordinator })
          : await this.#ports.askOutcome(home, tx, coordinator)
      if (decision === undefined) return
      await this.#ports.note(this.#state(tx, home, coordinator, decision))
      this.#take(tx)
    } catch {
      // The home has no owner now, or this reign is over: asked again.
    }
  }

  #state(
    tx: string,
    home: string,
    coordinator: PeerId,
    decision: Decision | undefined,
    acks: TxState['acks'] = [],
  ): TxState {
    return { tx, home, coordinator, decision, acks, at: this.#ports.clock.wall() }
  }
}
