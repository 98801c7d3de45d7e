import type { MessageId, PeerId } from '../../base/index.ts'
import type { Level } from '../level.ts'
import type { QueueStats } from './stats.ts'

/** A queue of the room: each message goes to one consumer, and again until one has finished it. */
export interface Queue {
  readonly name: string
  /**
   * Resolves once the level is reached, with what was reached. Rejects with a MessagingError (`bad-body`, `too-large`,
   * `bad-option`, `outbox-full`, `quota`, `store`, `queue-full`, `settings-conflict`, `closed`) or `signal.reason`, which ends
   * the wait and not the message.
   */
  send(body: unknown, options?: SendOptions): Promise<SendResult>
  /** `break` ends it: what it had not looked at goes to others and counts as no attempt. */
  consume(options?: ConsumeOptions): Consumption
  /** Every message once, oldest first, as they are when the loop gets to them; nothing is taken. */
  browse(options?: BrowseOptions): AsyncIterable<BrowsedMessage>
  stats(): Promise<QueueStats>
  /** Finishes every message that the owner knows of, those in delivery too; gives how many. */
  purge(): Promise<number>
  /** Lets every message group go to another consumer once nobody has a message of it in hand; gives how many groups. */
  rebalance(): Promise<number>
  /** Sends what waits here on to another queue, oldest first; gives how many that were. What is in delivery stays. */
  move(to: string, options?: MoveOptions): Promise<number>
  /** Sends dead letters or expired messages back to the queues that they came from, as new ones; gives how many that were. */
  retry(options?: MoveOptions): Promise<number>
}

export interface MoveOptions {
  /** Only what it matches. */
  readonly selector?: string
  /** At most so many; default all. */
  readonly limit?: number
}

export interface SendOptions {
  /** At most 32; text, finite numbers and booleans. */
  readonly headers?: Readonly<Record<string, string | number | boolean>>
  /** 0 to 9, higher first; default 4. */
  readonly priority?: number
  /** Messages of a group go to one consumer, in their order. One with the header `JMSXGroupSeq` at -1 ends that: the next goes to whoever comes. */
  readonly group?: string
  /** From now; 0, the default, for ever. Then it goes to `EXP.<queue>`. */
  readonly ttlMs?: number
  /** Nobody gets it before. */
  readonly delayMs?: number
  /** A second message of this id is not added, for the last 20,000 ids. */
  readonly dedupId?: string
  readonly replyTo?: string
  readonly correlationId?: string
  /** Default `replicated`. */
  readonly level?: Level
  /** With `replicated`: how many are enough. Default, and at most: as many as the queue keeps. */
  readonly copies?: number
  readonly signal?: AbortSignal
}

export interface SendResult {
  readonly id: MessageId
  /** `stored` instead of `replicated` when nobody else is here to keep a copy. */
  readonly level: Level
  /** Devices that keep it; 0 where the queue's filter does not take it. */
  readonly copies: number
  /** The queue had a message of this `dedupId`: nothing was added. */
  readonly isDuplicate: boolean
}

/**
 * `auto`: finished when the loop asks for the next. `client`: `ack()` finishes it and all before it. `individual`: `ack()`
 * finishes it alone. `dups-ok`: as `auto`, told to the owner when convenient. `pre`: finished before the loop gets it, so lost
 * with this tab.
 */
export type AckMode = 'auto' | 'client' | 'individual' | 'dups-ok' | 'pre'

export interface ConsumeOptions {
  /** Only messages that it matches. */
  readonly selector?: string
  /** Bytes that may wait here for the loop; default 1 MiB (Artemis' consumer window); 0: none, each is asked for. */
  readonly prefetch?: number
  readonly ack?: AckMode
  /** As long as this consumer is there, no other gets anything. */
  readonly exclusive?: boolean
  /** Higher ones first; lower ones when those have no room or want nothing. Default 0. */
  readonly priority?: number
  readonly signal?: AbortSignal
}

export interface Consumption extends AsyncIterable<Delivery> {
  /** The queue's owner knows of it. */
  readonly ready: Promise<void>
}

/** One attempt at one message. */
export interface Delivery {
  readonly id: MessageId
  /** The queue that it was sent to, or the topic that it was published to. */
  readonly address: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly from: PeerId
  readonly sentAt: number
  readonly priority: number
  readonly group: string | undefined
  /** Where an answer is wanted: a queue, or the temporary address of a `request`. */
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** 1 for the first. */
  readonly deliveryCount: number
  readonly redelivered: boolean
  /** Resolves when it is finished as safely as the queue keeps messages; rejects with `lease-lost` when another has it by now. */
  ack(): Promise<void>
  /** Gives it back as failed; `delayMs` instead of the queue's own delay. */
  nack(options?: { readonly delayMs?: number }): Promise<void>
  /**
   * Answers a message that has a `replyTo`: resolves when whoever asked has it, or the queue that it named keeps it. Rejects with
   * `bad-option` without one, and with `no-reply` when nobody waits any more.
   */
  reply(body: unknown, options?: Pick<SendOptions, 'headers'>): Promise<void>
}

export interface RequestOptions extends Pick<SendOptions, 'headers' | 'priority' | 'signal'> {
  /** Default 30 s. */
  readonly timeoutMs?: number
}

/** The answer to a `request`. */
export interface Reply {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly from: PeerId
}

export interface BrowseOptions {
  readonly selector?: string
  readonly signal?: AbortSignal
}

export interface BrowsedMessage
  extends Pick<
    Delivery,
    'id' | 'body' | 'headers' | 'from' | 'sentAt' | 'priority' | 'group' | 'correlationId' | 'deliveryCount'
  > {}
