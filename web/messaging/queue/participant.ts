import { type Clock, isTokenId, type PeerId, withTimeout } from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import { isTopicName } from '../pattern.ts'
import type { Consumer, Dispatcher } from './dispatcher.ts'
import type { Live } from './live.ts'
import { readAll } from './messages.ts'
import { isNumber } from './queue-item.ts'
import type { Replica } from './replica.ts'
import { type Decision, isDecision, MAX_TX_ACKS, type TxState } from './tx-state.ts'

/** A transaction of which nothing was heard for so long is asked about, again and again. */
const ASK_MS = 10_000
/** So long after the first such question, and its coordinator not here, it is presumed to be aborted. */
const PRESUME_MS = 60_000
/** A home that does not answer within this is asked anew. */
const ANSWER_MS = 8_000
/** And one that has not answered for so long is gone: what it was to decide is presumed to be aborted. */
const HOME_GONE_MS = 10 * 60_000
/** Presumed ones keep their messages, out of sight, for so long: a split may heal and bring their commit. */
const KEEP_PRESUMED_MS = 24 * 3_600_000
/** Questions about transactions of which the home knows nothing. */
const MAX_QUESTIONS = 10_000

type Row = Readonly<Record<string, unknown>>

export interface ParticipantPorts {
  readonly clock: Clock
  /** Notes it on this disk and the copies; resolves when it is as safe as the queue promises. */
  readonly note: (state: TxState) => Promise<void>
  readonly finish: (lives: readonly Live[]) => void
  /** Asks the queue that keeps a decision; undefined while it does not know. */
  readonly askOutcome: (
    home: string,
    tx: string,
    coordinator: PeerId,
    signal: AbortSignal,
  ) => Promise<Decision | undefined>
  /** Asks everybody who is here whether a queue of theirs has heard the coordinator's word. */
  readonly askRoom: (tx: string, coordinator: PeerId) => Promise<Decision | undefined>
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
  /** Acked by transactions that are not decided. */
  readonly #prepared = new Set<Live>()
  /** When this owner last asked about one, or first saw it. */
  readonly #asked = new Map<string, number>()
  /** Asked about just now. */
  readonly #asking = new Set<string>()
  /** Since when the homes of these have not answered. */
  readonly #unanswered = new Map<string, number>()
  /** At the home: when the first question came. */
  readonly #questions = new Map<string, number>()
  /** Transactions that were presumed to be aborted because their home was gone. */
  homeless = 0

  constructor(replica: Replica, dispatcher: () => Dispatcher, ports: ParticipantPorts) {
    this.#replica = replica
    this.#dispatcher = dispatcher
    this.#ports = ports
    for (const state of replica.transactions.undecided())
      for (const live of this.#acked(state)) this.#prepared.add(live)
  }

  /** A message that nobody may see: of a transaction that is not committed, or acked by one that is not decided. */
  isHidden(live: Live): boolean {
    return !this.#replica.transactions.isVisible(live) || this.#prepared.has(live)
  }

  /** Holds the leases of these attempts for a transaction; refuses all when one of them is not this consumer's. */
  async prepare(row: Row, consumer: Consumer, from: PeerId): Promise<{ readonly isPrepared: boolean }> {
    const { tx, home } = row
    const tokens = readAll(row['tokens'], MAX_TX_ACKS, (token) => (isNumber(token) ? token : undefined))
    if (!isTokenId(tx) || !isTopicName(home) || !tokens?.length)
      throw new MessagingError('malformed', 'this prepares nothing')
    const { transactions } = this.#replica
    const lives = tokens.flatMap((token) => this.#dispatcher().leased(consumer, token) ?? [])
    const known = this.#assertIts(tx, from)
    const acksOfAll = (known?.acks.length ?? 0) + lives.length
    if (lives.length < tokens.length || known?.decision !== undefined) return { isPrepared: false }
    if (acksOfAll > MAX_TX_ACKS || !transactions.hasRoom) return { isPrepared: false }
    for (const live of lives) {
      this.#prepared.add(live)
      this.#dispatcher().pin(live)
    }
    const acks = lives.map(({ source, number }) => [source.from, source.stream, number] as const)
    await this.#ports.note(this.#state(tx, home, from, undefined, acks))
    return { isPrepared: true }
  }

  /** At the home queue: the first decision holds. */
  async decide(row: Row, from: PeerId): Promise<Decision> {
    const { tx, decision } = row
    if (!isTokenId(tx) || (decision !== 'commit' && decision !== 'abort'))
      throw new MessagingError('malformed', 'this decides nothing')
    const known = this.#assertIts(tx, from)
    if (known?.decision !== undefined) return known.decision
    await this.#decided(this.#state(tx, this.#replica.queue, from, decision))
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
    const since = this.#questions.get(tx) ?? now
    const [oldest] = this.#questions.size >= MAX_QUESTIONS ? this.#questions.keys() : []
    if (oldest !== undefined) this.#questions.delete(oldest)
    this.#questions.set(tx, since)
    if (this.#ports.isHere(coordinator as PeerId) || now - since < PRESUME_MS) return undefined
    return this.#presume(tx, this.#replica.queue, coordinator as PeerId)
  }

  /** The coordinator's word. */
  async apply(row: Row, from: PeerId): Promise<void> {
    const { tx, home, decision } = row
    if (!isTokenId(tx) || !isTopicName(home) || !isDecision(decision))
      throw new MessagingError('malformed', 'this applies nothing')
    const known = this.#assertIts(tx, from)
    // What this queue has no part in, or has forgotten since, it does not remember.
    if (!known && this.#replica.transactions.livesOf(from, tx).length === 0) return
    await this.#decided(this.#state(tx, home, from, decision))
  }

  /** What a merge has brought takes effect. */
  takeAll(): void {
    for (const state of this.#replica.transactions.all()) {
      if (state.decision !== undefined) this.#take(state)
      else this.#withhold(this.#acked(state).filter((live) => !this.#prepared.has(live)))
    }
  }

  /** Asks about those of which nothing was heard, and ends those that were presumed aborted long ago. */
  sweep(): void {
    const now = this.#ports.clock.now()
    const open = new Set<string>()
    for (const [live] of this.#replica.transactions.hidden()) {
      const { tx, txHome } = live?.tags ?? {}
      if (!live || tx === undefined || txHome === undefined) continue
      open.add(tx)
      this.#look(tx, txHome, live.source.from, now)
    }
    for (const { tx, home, coordinator } of this.#replica.transactions.undecided()) {
      open.add(tx)
      this.#look(tx, home, coordinator, now)
    }
    for (const known of [this.#asked, this.#unanswered])
      for (const tx of known.keys()) if (!open.has(tx)) known.delete(tx)
  }

  #look(tx: string, home: string, coordinator: PeerId, now: number): void {
    const state = this.#replica.transactions.get(tx)
    if (state?.decision === 'presumed' && this.#ports.clock.wall() - state.at > KEEP_PRESUMED_MS) {
      this.#ports.finish(this.#replica.transactions.livesOf(coordinator, tx))
      return
    }
    const since = this.#asked.get(tx)
    if (since === undefined) this.#asked.set(tx, now)
    if (since === undefined || now - since < ASK_MS || this.#asking.has(tx)) return
    this.#asked.set(tx, now)
    this.#asking.add(tx)
    void this.#ask(tx, home, coordinator).finally(() => this.#asking.delete(tx))
  }

  async #ask(tx: string, home: string, coordinator: PeerId): Promise<void> {
    try {
      const isHome = home === this.#replica.queue
      const decision = isHome
        ? await this.outcome({ tx, coordinator })
        : await withTimeout(
            this.#ports.clock,
            'asking for the outcome of a transaction',
            ANSWER_MS,
            undefined,
            (signal) => this.#ports.askOutcome(home, tx, coordinator, signal),
          )
      this.#unanswered.delete(tx)
      if (decision !== undefined) await this.#decided(this.#state(tx, home, coordinator, decision))
    } catch {
      // The home has no owner now, or this reign is over: asked again.
      await this.#onUnanswered(tx, home, coordinator).catch(() => {
        // Nor could it be noted: with the next question.
      })
    }
  }

  async #onUnanswered(tx: string, home: string, coordinator: PeerId): Promise<void> {
    const now = this.#ports.clock.now()
    const since = this.#unanswered.get(tx) ?? now
    this.#unanswered.set(tx, since)
    const isPresumed = this.#replica.transactions.get(tx)?.decision !== undefined
    if (isPresumed || now - since < HOME_GONE_MS) return
    if ((await this.#presume(tx, home, coordinator)) === 'presumed') this.homeless++
  }

  /** Unless somebody here has heard what was decided. */
  async #presume(tx: string, home: string, coordinator: PeerId): Promise<Decision | undefined> {
    const decision = (await this.#ports.askRoom(tx, coordinator)) ?? 'presumed'
    await this.#decided(this.#state(tx, home, coordinator, decision))
    return this.#replica.transactions.get(tx)?.decision
  }

  #withhold(lives: readonly Live[]): void {
    for (const live of lives) this.#prepared.add(live)
    this.#dispatcher().withhold(lives)
  }

  async #decided(news: TxState): Promise<void> {
    await this.#ports.note(news)
    const state = this.#replica.transactions.get(news.tx)
    if (state) this.#take(state)
  }

  #take(state: TxState): void {
    const { tx, coordinator, decision } = state
    this.#questions.delete(tx)
    const lives = this.#replica.transactions.livesOf(coordinator, tx)
    const acked = this.#acked(state)
    for (const live of acked) this.#prepared.delete(live)
    if (decision === 'commit') {
      this.#ports.finish(acked)
      this.#dispatcher().reveal(lives)
      return
    }
    this.#dispatcher().unpin(acked)
    if (decision === 'abort') this.#ports.finish(lives)
  }

  #acked({ acks }: TxState): readonly Live[] {
    return acks.flatMap((ack) => this.#replica.find(...ack) ?? [])
  }

  #assertIts(tx: string, from: PeerId): TxState | undefined {
    const known = this.#replica.transactions.get(tx)
    if (known && known.coordinator !== from)
      throw new MessagingError('malformed', 'this transaction is another’s')
    return known
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
