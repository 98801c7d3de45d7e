import type { Clock, Intervals, PeerId } from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import type { Calls } from './calls.ts'
import { type Change, CopyLog, type KeptBySender } from './copy-log.ts'
import type { Epoch } from './epoch.ts'
import { Holder, type HolderPorts } from './holder.ts'
import type { Live, Source } from './live.ts'
import type { QueueItem } from './queue-item.ts'
import type { Merge } from './reconcile.ts'
import type { Replica } from './replica.ts'
import type { QueueSettings } from './settings.ts'
import type { TxState } from './tx-state.ts'

interface Waiter {
  readonly seq: number
  /** Fewer will do. */
  readonly copies: number
  resolve(copies: number): void
  reject(reason: MessagingError): void
}

export interface ReplicationEvents {
  /** Somebody obeys a newer owner. */
  onFenced(): void
  /** A holder brought messages, or knew that some are finished. */
  onMerged(merge: Merge): void
}

/** Keeps the copies of one queue like its owner's. */
export class Replication {
  readonly #settings: QueueSettings
  readonly #ports: HolderPorts
  readonly #log: CopyLog
  readonly #holders = new Map<PeerId, Holder>()
  #waiters: Waiter[] = []
  #isFinal = false
  #isClosed = false

  constructor(
    replica: Replica,
    settings: QueueSettings,
    epoch: Epoch,
    calls: Calls,
    clock: Clock,
    events: ReplicationEvents,
  ) {
    this.#settings = settings
    this.#log = new CopyLog(clock)
    this.#ports = {
      ...{ replica, settings, epoch, calls, clock, log: this.#log },
      onFenced: () => events.onFenced(),
      onMerged: (merge) => events.onMerged(merge),
      onProgress: () => this.#onProgress(),
    }
  }

  get seq(): number {
    return this.#log.seq
  }

  get holders(): readonly PeerId[] {
    return [...this.#holders.keys()]
  }

  /** Who keeps copies from now on; `isFinal` unless somebody has just come of whom it is not known yet whether it can. */
  setHolders(
    holders: readonly { readonly peerId: PeerId; readonly sessionId: string }[],
    isFinal: boolean,
  ): void {
    this.#isFinal = isFinal
    const wanted = new Map(holders.map((holder) => [holder.peerId, holder.sessionId]))
    for (const holder of [...this.#holders.values()]) {
      if (wanted.get(holder.peer) === holder.sessionId) continue
      holder.close()
      this.#holders.delete(holder.peer)
    }
    for (const { peerId, sessionId } of holders) {
      if (!this.#holders.has(peerId)) this.#holders.set(peerId, new Holder(peerId, sessionId, this.#ports))
    }
    this.#onProgress()
  }

  /** Those that do not answer now. */
  get silent(): ReadonlySet<PeerId> {
    return new Set([...this.#holders.values()].filter(({ isSilent }) => isSilent).map(({ peer }) => peer))
  }

  /** Whether this member and the owner are all that have to keep a copy, and it is up to date but for what is under way. */
  isOnlyOther(peer: PeerId): boolean {
    const holder = this.#holders.get(peer)
    return this.#holders.size === 1 && holder?.cursor !== undefined && this.#settings.copies === 2
  }

  /** Whether this member has what change `seq` says, or that has left for it. */
  gives(peer: PeerId, seq: number): boolean {
    return this.#holders.get(peer)?.isGiven(seq) ?? false
  }

  /** Gives the number of this change. */
  logItems(items: readonly QueueItem[], kept: KeptBySender = 'nowhere'): number {
    this.#append({ items, kept })
    return this.seq
  }

  /** `by`: the consumer whose acks these were. */
  logDone(source: Source, numbers: Intervals, by = ''): void {
    this.#append({ done: { source, numbers, by } })
  }

  logAttempts(live: Live): void {
    this.#append({ attempts: live })
  }

  logTx(tx: TxState): void {
    this.#append({ tx })
  }

  /** Resolves with the copies there are, this node's included, when those that there should be have everything up to `seq`. */
  reached(seq: number, copies = Number.POSITIVE_INFINITY): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(notOwner())
      this.#waiters.push({ seq, copies, resolve, reject })
      this.#log.hurry(seq)
      this.#wakeWaiters()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#log.close()
    for (const holder of this.#holders.values()) holder.close()
    this.#holders.clear()
    for (const waiter of this.#waiters.splice(0)) waiter.reject(notOwner())
  }

  #append(change: Partial<Change>): void {
    this.#log.append(change, this.#holders.size > 0)
    if (this.#log.isTooLong) this.#leaveSlowestBehind()
  }

  #leaveSlowestBehind(): void {
    const needing = [...this.#holders.values()].filter(({ needs }) => needs !== undefined)
    const slowest = needing.sort((a, b) => (a.needs as number) - (b.needs as number))[0]
    slowest?.leaveBehind()
  }

  /** What no holder needs any more is forgotten; senders may have waited for it. */
  #onProgress(): void {
    const needed = [...this.#holders.values()].flatMap(({ needs }) => needs ?? [])
    this.#log.trim(Math.min(this.#log.seq, ...needed))
    this.#wakeWaiters()
  }

  #wakeWaiters(): void {
    const all = [...this.#holders.values()]
    const counted = all.filter(({ isSilent }) => !isSilent)
    const needed = Math.min(this.#settings.copies, 1 + counted.length)
    const cursors = counted.map(({ cursor }) => cursor ?? -1).sort((a, b) => b - a)
    const copiesOf = (seq: number) => 1 + cursors.filter((cursor) => cursor >= seq).length
    // With too few, one that has just come is waited for.
    const isTooFew = !this.#isFinal && needed < this.#settings.copies
    const isReady = ({ seq, copies }: Waiter) =>
      copiesOf(seq) >= (isTooFew ? copies : Math.min(copies, needed))
    const ready = this.#waiters.filter(isReady)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { seq, resolve } of ready) resolve(copiesOf(seq))
  }
}

function notOwner(): MessagingError {
  return new MessagingError('not-owner', 'this member does not own the queue any more')
}
