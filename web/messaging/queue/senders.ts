import type { PeerId } from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import { weightOf } from '../item.ts'
import type { Wanted } from '../level.ts'
import type { OutboxDraft } from './draft.ts'
import type { LoadedOutbox } from './outbox-records.ts'
import type { QueueItem } from './queue-item.ts'
import { readStored, type Sender, type Sent } from './sender.ts'

/** Messages of all queues together that no owner has yet; beyond it a send is refused. */
export const MAX_WAITING = 20_000
export const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** This node's way into every queue that it sends to. */
export class Senders {
  readonly #open: (queue: string, loaded?: LoadedOutbox) => Sender
  readonly #senders = new Map<string, Sender>()

  constructor(open: (queue: string, loaded?: LoadedOutbox) => Sender) {
    this.#open = open
  }

  /** Goes on with what lay on disk when the node began. */
  resume(outboxes: readonly LoadedOutbox[]): void {
    for (const outbox of outboxes) this.#senders.set(outbox.queue, this.#open(outbox.queue, outbox))
  }

  /** Rejects as {@link Sender.send} does, and with a MessagingError `outbox-full`. */
  async put(
    queue: string,
    draft: OutboxDraft,
    wanted: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<Sent> {
    const sender = this.#senders.get(queue) ?? this.#open(queue)
    this.#senders.set(queue, sender)
    this.#assertRoom(weightOf(draft))
    return sender.send(draft, wanted, signal)
  }

  /** Messages that no owner has yet. */
  get waitingCount(): number {
    let count = 0
    for (const sender of this.#senders.values()) count += sender.waiting.messages
    return count
  }

  /** What waits here for a queue's owner, by the number that it has in this node's stream. */
  sending(queue: string, stream: string, number: number): OutboxDraft | undefined {
    return this.#senders.get(queue)?.sending(stream, number)
  }

  /** An owner's notice; `ownerOf` says who it has to be from. */
  onStored(body: unknown, from: PeerId, ownerOf: (queue: string) => PeerId | undefined): void {
    const stored = readStored(body)
    const sender = stored && this.#senders.get(stored.queue)
    if (!sender || sender.stream !== stored.stream || ownerOf(stored.queue) !== from) return
    sender.stored(stored.mark, stored.isEnough)
  }

  /** These are on this disk as copies; those that `self` has sent are as safe as that. */
  copied(queue: string, items: readonly QueueItem[], self: PeerId): void {
    const sender = this.#senders.get(queue)
    const own = items.filter(({ from, stream }) => from === self && stream === sender?.stream)
    if (own.length > 0) sender?.copied(new Set(own.map(({ number }) => number)))
  }

  close(): void {
    for (const sender of this.#senders.values()) sender.close()
  }

  #assertRoom(bytes: number): void {
    let all = 0
    for (const { waiting } of this.#senders.values()) all += waiting.bytes
    if (this.waitingCount < MAX_WAITING && all + bytes <= MAX_WAITING_BYTES) return
    const text = `${this.waitingCount} messages wait for their queues already: wait for those before you send more.`
    throw new MessagingError('outbox-full', text)
  }
}
