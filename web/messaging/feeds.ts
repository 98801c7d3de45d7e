import { type Clock, type PeerId, sleep } from '../base/index.ts'
import { isFinal, type OtherSession, OtherSessions, type Room } from '../mesh/index.ts'
import { itemToWire } from './item.ts'
import { keptBytes } from './kept.ts'
import { METHOD_MARK, METHOD_STORE, readMarkAnswer } from './messages.ts'
import type { Outbox } from './outbox.ts'

const REQUEST_TIMEOUT_MS = 15_000
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000
const BATCH_ITEMS = 64
const BATCH_BYTES = 256 * 1024
/** Larger requests take the bulk lane. */
const SMALL_BYTES = 16 * 1024

/**
 * Sends the own stream to every member, one request at a time for each, so that a receiver gets it in order: first it is
 * asked how far it has come, then it gets what follows. What fails is asked and sent again while the peer is a member.
 */
export class Feeds {
  readonly #room: Room
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #feeds: OtherSessions<OtherSession>
  readonly #stop: () => void

  constructor(room: Room, clock: Clock, outbox: Outbox) {
    this.#room = room
    this.#clock = clock
    this.#outbox = outbox
    this.#feeds = new OtherSessions(
      room,
      (session) => session,
      ({ peerId, signal }) => void this.#run(peerId, signal),
    )
    this.#stop = room.onMembership(() => this.#feeds.follow())
    this.#feeds.follow()
  }

  get peerCount(): number {
    return this.#feeds.size
  }

  close(): void {
    this.#stop()
    this.#feeds.close()
  }

  async #run(to: PeerId, signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    let most = BATCH_ITEMS
    /** What this peer cannot read is passed over: it holds up nothing that follows. */
    let past = 0
    while (!signal.aborted) {
      let mark: number | undefined
      try {
        mark = Math.max(past, await this.#askMark(to, signal))
        for (;;) {
          mark = await this.#sendAfter(to, mark, most, signal)
          retryMs = FIRST_RETRY_MS
          most = BATCH_ITEMS
        }
      } catch (error) {
        if (signal.aborted) return
        if (isFinal(error) && mark !== undefined) {
          if (most === 1) past = this.#outbox.after(mark, 1, BATCH_BYTES)[0]?.number ?? past
          most = most === 1 ? BATCH_ITEMS : 1
          continue
        }
        // Gone, slow, or its disk is full: it is asked again, unless it has left.
        await sleep(this.#clock, retryMs, signal).catch(() => {
          // The peer left meanwhile; the loop ends.
        })
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
      }
    }
  }

  async #askMark(to: PeerId, signal: AbortSignal): Promise<number> {
    const { stream, floor } = this.#outbox
    const answer = await this.#room.request(
      to,
      METHOD_MARK,
      { stream, floor },
      { timeoutMs: REQUEST_TIMEOUT_MS, signal },
    )
    return this.#taken(to, answer)
  }

  async #sendAfter(to: PeerId, mark: number, most: number, signal: AbortSignal): Promise<number> {
    const batch = this.#outbox.after(mark, most, BATCH_BYTES)
    if (batch.length === 0) {
      await this.#outbox.nextCommit(signal)
      return mark
    }
    const bytes = batch.reduce((sum, kept) => sum + keptBytes(kept), 0)
    const body = { stream: this.#outbox.stream, items: batch.map(itemToWire) }
    const lane = bytes > SMALL_BYTES ? 'bulk' : 'control'
    return this.#taken(
      to,
      await this.#room.request(to, METHOD_STORE, body, { lane, timeoutMs: REQUEST_TIMEOUT_MS, signal }),
    )
  }

  #taken(to: PeerId, answer: unknown): number {
    const mark = readMarkAnswer(answer)
    if (mark === undefined) throw new TypeError('the answer is no mark')
    this.#outbox.storedUpTo(mark, to)
    return mark
  }
}
