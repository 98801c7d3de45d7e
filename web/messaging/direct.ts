import { abortable, type Clock, type PeerId } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import { batchFromWire } from './batch.ts'
import { BatchEncodings } from './batch-encodings.ts'
import { MessagingError } from './errors.ts'
import type { Interest } from './interest.ts'
import { type Headers, type Item, messageId } from './item.ts'
import { CHANNEL_BATCH, METHOD_BATCH } from './messages.ts'
import { Pipe } from './pipe.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { PublishResult } from './topic.ts'

/** Messages of topics without history: straight to those who want them, stored by nobody. */
export class Direct {
  readonly #room: Room
  readonly #clock: Clock
  readonly #interest: Interest
  readonly #subscriptions: Subscriptions
  readonly #encodings = new BatchEncodings()
  readonly #pipes = new Map<PeerId, Pipe>()
  readonly #self: PeerId
  readonly #sessionId: string
  readonly #stops: (() => void)[]
  #number = 0

  constructor(room: Room, clock: Clock, interest: Interest, subscriptions: Subscriptions) {
    this.#room = room
    this.#clock = clock
    this.#interest = interest
    this.#subscriptions = subscriptions
    this.#self = room.self.peerId
    this.#sessionId = room.self.sessionId
    this.#stops = [
      room.onNotify(CHANNEL_BATCH, (body, from) => {
        this.#onBatch(body, from)
      }),
      room.serve(METHOD_BATCH, (body, { from }) => {
        if (!this.#onBatch(body, from)) throw new MessagingError('malformed', 'this is no batch')
        return null
      }),
      room.onMembership(({ gone }) => {
        for (const { member } of gone) this.#drop(member.peerId)
      }),
    ]
  }

  get isBusy(): boolean {
    return [...this.#pipes.values()].some((pipe) => !pipe.isIdle)
  }

  /** Resolves when there is room for more; the signal ends that wait only. */
  publish(
    topic: string,
    body: Uint8Array<ArrayBuffer>,
    headers: Headers,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    const item: Item = { number: ++this.#number, topic, sentAt: this.#clock.wall(), body, headers }
    const peers = this.#interest.peersFor(topic)
    const pipes = peers.map((peerId) => this.#pipe(peerId))
    for (const pipe of pipes) pipe.push(item)
    this.#subscriptions.deliver(item, this.#self, this.#sessionId)
    const id = messageId(this.#self, this.#sessionId, item.number)
    const result: PublishResult = { id, level: 'accepted', copies: 1 + peers.length }
    const waits = pipes.flatMap((pipe) => pipe.room() ?? [])
    if (waits.length === 0) return Promise.resolve(result)
    return abortable(
      Promise.all(waits).then(() => result),
      signal,
    )
  }

  close(): void {
    for (const stop of this.#stops) stop()
    for (const pipe of this.#pipes.values()) pipe.close()
    this.#pipes.clear()
  }

  /** False for what is no batch; the handler has no other way to say so to a notifier. */
  #onBatch(body: unknown, from: PeerId): boolean {
    const items = batchFromWire(body)
    const sessionId = this.#room.member(from)?.sessionId
    if (!items) return false
    if (sessionId === undefined) return true
    for (const item of items) this.#subscriptions.deliver(item, from, sessionId)
    return true
  }

  #pipe(peerId: PeerId): Pipe {
    let pipe = this.#pipes.get(peerId)
    if (!pipe) {
      pipe = new Pipe(this.#room, this.#clock, peerId, (items) =>
        this.#encodings.of(items, this.#interest.takesRuns(peerId)),
      )
      this.#pipes.set(peerId, pipe)
    }
    return pipe
  }

  #drop(peerId: PeerId): void {
    this.#pipes.get(peerId)?.close()
    this.#pipes.delete(peerId)
  }
}
