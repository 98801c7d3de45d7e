import { type Clock, type PeerId, withTimeout } from '../../base/index.ts'
import type { RequestHandler, Room } from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'

/** Bodies over this belong on the bulk lane. */
const SMALL_BYTES = 16 * 1024

export interface RequestOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Of what is inside; decides the lane. */
  readonly bytes?: number
}

type NotifyHandler = (body: unknown, from: PeerId) => void

/** Requests and notices to any member, this node included: who owns a queue is often also who uses it. */
export class Calls {
  readonly self: PeerId
  readonly #room: Room
  readonly #clock: Clock
  readonly #methods = new Map<string, RequestHandler>()
  readonly #channels = new Map<string, NotifyHandler>()
  readonly #stops: (() => void)[] = []

  constructor(room: Room, clock: Clock) {
    this.#room = room
    this.#clock = clock
    this.self = room.self.peerId
  }

  /** Rejects as `room.request` does; what this node's own handler throws comes as it is. */
  request(to: PeerId, method: string, body: Value, options: RequestOptions): Promise<unknown> {
    const { timeoutMs, signal, bytes = 0 } = options
    if (to !== this.self) {
      const lane = bytes > SMALL_BYTES ? 'bulk' : 'control'
      return this.#room.request(to, method, body, { lane, timeoutMs, ...(signal ? { signal } : {}) })
    }
    const handler = this.#methods.get(method)
    if (!handler) return Promise.reject(new TypeError(`${method} is not served`))
    return withTimeout(this.#clock, method, timeoutMs, signal, async (inner) =>
      handler(body, { from: this.self, signal: inner }),
    )
  }

  /** Resolves when it is on its way; rejects as `room.notify` does. */
  async notify(to: PeerId, channel: string, body: Value, bytes = 0): Promise<void> {
    if (to === this.self) this.#channels.get(channel)?.(body, this.self)
    else await this.#room.notify(to, channel, body, { lane: bytes > SMALL_BYTES ? 'bulk' : 'control' })
  }

  serve(method: string, handler: RequestHandler): void {
    this.#methods.set(method, handler)
    this.#stops.push(this.#room.serve(method, handler))
  }

  onNotify(channel: string, handler: NotifyHandler): void {
    this.#channels.set(channel, handler)
    this.#stops.push(this.#room.onNotify(channel, handler))
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }
}
