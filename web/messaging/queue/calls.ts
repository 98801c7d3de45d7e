import { type Clock, type PeerId, sleep, TabmeshError, withTimeout } from '../../base/index.ts'
import type { RequestHandler, Room } from '../../mesh/index.ts'
import type { Value } from '../../wire/index.ts'

/** Bodies over this belong on the bulk lane. */
const SMALL_BYTES = 16 * 1024
/** A member that has too much to do is asked again after so long, twice as long each time. */
const FIRST_BUSY_MS = 50
const MAX_BUSY_MS = 1_000

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
  readonly clock: Clock
  readonly #methods = new Map<string, RequestHandler>()
  readonly #channels = new Map<string, NotifyHandler>()
  readonly #stops: (() => void)[] = []

  constructor(room: Room, clock: Clock) {
    this.#room = room
    this.clock = clock
    this.self = room.self.peerId
  }

  /**
   * Rejects as `room.request` does; what this node's own handler throws comes as it is. Who is `busy` is asked again until the
   * time is over.
   */
  request(to: PeerId, method: string, body: Value, options: RequestOptions): Promise<unknown> {
    const { timeoutMs, signal } = options
    if (to !== this.self) return this.#requestUntilFree(to, method, body, options)
    const handler = this.#methods.get(method)
    if (!handler) return Promise.reject(new TypeError(`${method} is not served`))
    return withTimeout(this.clock, method, timeoutMs, signal, async (inner) =>
      handler(body, { from: this.self, signal: inner }),
    )
  }

  async #requestUntilFree(
    to: PeerId,
    method: string,
    body: Value,
    { timeoutMs, signal, bytes = 0 }: RequestOptions,
  ): Promise<unknown> {
    const until = this.clock.now() + timeoutMs
    const lane = bytes > SMALL_BYTES ? 'bulk' : 'control'
    const options = { lane, timeoutMs, ...(signal ? { signal } : {}) } as const
    for (let waitMs = FIRST_BUSY_MS; ; waitMs = Math.min(waitMs * 2, MAX_BUSY_MS)) {
      try {
        return await this.#room.request(to, method, body, options)
      } catch (error) {
        if (!isBusy(error) || this.clock.now() + waitMs > until) throw error
        await sleep(this.clock, waitMs, signal)
      }
    }
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

/** The other has too much to do, or too much is asked of it from here: it is there. */
export function isBusy(error: unknown): boolean {
  return error instanceof TabmeshError && error.code === 'busy'
}
