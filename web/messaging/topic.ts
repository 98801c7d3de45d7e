import type { MessageId, PeerId } from '../base/index.ts'
import type { Level } from './level.ts'

export interface Message {
  readonly id: MessageId
  /** The topic that it was published to. */
  readonly topic: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | number | boolean>>
  readonly from: PeerId
  /** Wall clock of the sender when it was published, for showing only. */
  readonly sentAt: number
}

export interface PublishResult {
  readonly id: MessageId
  /** What was reached: with `replicated` in a room of one it is less. */
  readonly level: Level
  /** Peers that have it, this one included. */
  readonly copies: number
}

export interface PublishOptions {
  readonly headers?: Readonly<Record<string, string | number | boolean>>
  /** Default `accepted`. `stored` waits until another peer has it, as long as that takes or until `signal`. */
  readonly level?: Level
  /** With `replicated`: on how many devices, this one included. Default 2, at most 5 (queues: as many as they keep). */
  readonly copies?: number
  readonly signal?: AbortSignal
}

export interface SubscribeOptions {
  /** Start with what is kept here, or what the room retains of the topic (`destinations.configure`), oldest first. */
  readonly history?: boolean
  /**
   * A name in the room. What is published from now on waits for whoever subscribes by it, also while nobody does and the
   * sender has gone. The name keeps its pattern and selector until `unsubscribe`; others reject with `settings-conflict`.
   */
  readonly durable?: string
  /** Several loops of one durable name share its messages. Default false: one gets them, the next takes its place. */
  readonly shared?: boolean
  /** Only this sender's. */
  readonly from?: PeerId
  /** Only messages that it matches; see the selectors' rules. */
  readonly selector?: string
  /**
   * Bytes that may wait for the loop; default 1 MiB (Artemis' consumer window). Beyond it the oldest are dropped and counted; of
   * a durable subscription none are, they wait in the room.
   */
  readonly bufferBytes?: number
  readonly signal?: AbortSignal
}

export interface Subscription extends AsyncIterable<Message> {
  /** Every present member knows of it. */
  readonly ready: Promise<void>
  readonly dropped: number
}

export interface Topic {
  readonly name: string
  publish(body: unknown, options?: PublishOptions): Promise<PublishResult>
  subscribe(options?: SubscribeOptions): Subscription
  /** Ends a durable subscription for the room and forgets what waits for it. Resolves when every present member knows. */
  unsubscribe(durable: string): Promise<void>
}

/** A message of a topic with history as the page shows it. */
export interface HistoryEntry extends Message {
  /** Of our own: `sending` (nobody else has it yet), `delivered`, `failed` with a reason. Others': `received`. */
  readonly state: 'sending' | 'delivered' | 'failed' | 'received'
  readonly reason?: string
  /**
   * Where it stands among the others of its topic: the same on every device, whatever their clocks say. `sentAt` is for showing.
   * A failed one, which no other device has, stands last of those that were here.
   */
  readonly place?: number
  /** What its sender was called when it arrived here, for when nobody of that id is present; empty if unknown. */
  readonly name?: string
}

/** The kept messages of topics with history. */
export interface MessageHistory {
  /** Topics that have kept messages, in name order. The same array until something changes. */
  topics(): readonly string[]
  /** Oldest first; the same array until something changes. */
  entries(topic: string): readonly HistoryEntry[]
  subscribe(listener: () => void): () => void
  /** Sends a failed message again. Rejects as `publish` does. */
  retry(id: string): Promise<void>
}
