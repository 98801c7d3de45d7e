import { type Clock, isCount } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import { MessagingError } from '../errors.ts'
import { type Headers, messageId } from '../item.ts'
import {
  ATTEMPTS,
  EXPIRED_AT,
  isOrigin,
  LAST_FAILURE,
  type LastFailure,
  ORIGINAL_ADDRESS,
  ORIGINAL_ID,
  ORIGINAL_QUEUE,
} from '../origin.ts'
import { isTopicName } from '../pattern.ts'
import type { Selector } from '../selector/index.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Live } from './live.ts'
import type { QueueItem } from './queue-item.ts'
import type { Replica } from './replica.ts'
import { isTemporary } from './requests.ts'
import type { QueueCounts } from './stats.ts'
import { selectorOf, subjectOf } from './subject.ts'

const RETRY_MS = 5_000

export interface DeparturesPorts {
  readonly clock: Clock
  /** Sends a message on, as this node. Resolves when it is as safe as there. */
  readonly forward: (queue: string, item: QueueItem, headers: Headers, dedupId: string) => Promise<void>
  readonly isClosed: () => boolean
  readonly finish: (lives: readonly Live[]) => void
}

/**
 * Messages that leave a queue for another: the dead and the expired, and what is moved or sent back. To the other queue first,
 * then finished here: who dies in between sends it again, and it is known there by its `dedupId`.
 */
export class Departures {
  readonly #replica: Replica
  readonly #dispatcher: Dispatcher
  readonly #ports: DeparturesPorts
  readonly #counts = { expired: 0, dead: 0, stuck: 0 }

  constructor(replica: Replica, dispatcher: Dispatcher, ports: DeparturesPorts) {
    this.#replica = replica
    this.#dispatcher = dispatcher
    this.#ports = ports
  }

  get counts(): Pick<QueueCounts, 'expired' | 'dead' | 'stuck'> {
    return this.#counts
  }

  /**
   * To the dead letters or the expired, tried until that queue takes it or this reign ends. One that it refuses for good stays
   * here, out of everybody's way, and is counted: nothing is lost in silence.
   */
  async leave(live: Live, why: LastFailure | 'expired'): Promise<void> {
    const { clock, isClosed, finish } = this.#ports
    try {
      await this.#forwardLost(live, why)
      if (isClosed()) return
      this.#counts[why === 'expired' ? why : 'dead']++
      finish([live])
    } catch (error) {
      if (isClosed()) return
      if (isFinal(error)) this.#counts.stuck++
      else clock.after(RETRY_MS, () => void this.leave(live, why))
    }
  }

  async #forwardLost(live: Live, why: LastFailure | 'expired'): Promise<void> {
    const { queue } = this.#replica
    const item = await this.#replica.itemOf(live)
    // What fails there goes nowhere else.
    if (!item || queue.startsWith('DLQ.') || queue.startsWith('EXP.')) return
    // A question whose time is over: nobody waits for an answer any more.
    if (why === 'expired' && isTemporary(live.tags.replyTo ?? '')) return
    const id = idOf(live)
    const isExpired = why === 'expired'
    const reason = isExpired
      ? { [EXPIRED_AT]: this.#ports.clock.wall() }
      : { [ATTEMPTS]: live.attempts, [LAST_FAILURE]: why }
    const headers = { ...originOf(queue, id), ...reason }
    await this.#ports.forward(`${isExpired ? 'EXP' : 'DLQ'}.${queue}`, item, headers, id)
  }

  /** Sends waiting messages on, to `to` or else to where each came from; gives how many. One that came from nowhere stays. */
  async move(row: Readonly<Record<string, unknown>>): Promise<number> {
    const { to, limit } = row
    const selector = selectorOf(row['selector'])
    if ((to !== null && !isTopicName(to)) || (limit !== null && !isCount(limit)))
      throw new MessagingError('malformed', 'this moves no messages')
    let moved = 0
    for (const live of this.#waiting(selector).slice(0, limit ?? Number.POSITIVE_INFINITY)) {
      if (this.#ports.isClosed())
        throw new MessagingError('not-owner', 'this member does not own the queue any more')
      if (await this.#moveOne(live, to ?? undefined)) moved++
    }
    return moved
  }

  #waiting(selector: Selector | undefined): readonly Live[] {
    return [...this.#replica.messages()]
      .filter((live) => this.#dispatcher.isReady(live))
      .filter((live) => !selector || selector.matches(subjectOf(live, this.#replica.queue)))
      .sort((a, b) => a.order - b.order)
  }

  async #moveOne(live: Live, to: string | undefined): Promise<boolean> {
    const item = await this.#replica.itemOf(live)
    const queue = to ?? item?.headers[ORIGINAL_QUEUE]
    if (!item || !isTopicName(queue) || !this.#dispatcher.take(live)) return false
    const id = idOf(live)
    try {
      const headers = to === undefined ? withoutOrigin(item.headers) : item.headers
      const added = to === undefined ? {} : originOf(this.#replica.queue, id)
      const dedupId = `${id}/${to === undefined ? 'retried' : 'moved'}`
      await this.#ports.forward(queue, { ...item, headers }, added, dedupId)
    } catch (error) {
      this.#dispatcher.giveBack(live)
      throw error
    }
    this.#ports.finish([live])
    return true
  }
}

function idOf({ source, number }: Live): string {
  return messageId(source.from, source.stream, number)
}

function originOf(queue: string, id: string): Headers {
  return { [ORIGINAL_ADDRESS]: queue, [ORIGINAL_QUEUE]: queue, [ORIGINAL_ID]: id }
}

function withoutOrigin(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isOrigin(name)))
}
