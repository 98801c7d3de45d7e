import { type Clock, type PeerId, withTimeout } from '../../base/index.ts'
import { type Value, WireError } from '../../wire/index.ts'
import type { Lane } from '../transport/index.ts'
import type { CallOptions, RequestHandler } from './call.ts'
import { RemoteError, RoomError } from './errors.ts'
import { Line, MAX_SERVED_PER_METHOD } from './line.ts'
import { type Answer, type CallMessage, failure, failureOf, MAX_CALL_NAME_CHARACTERS } from './messages.ts'

/** Requests of one peer that run here at once, of all methods together; more are answered `busy`. */
const MAX_SERVED_PER_PEER = 512
/** A request that has not had its turn within this is given up, before its own time has begun. */
const TURN_MS = 60_000

type NotifyHandler = (body: unknown, from: PeerId) => void | Promise<void>

/** What runs here for one peer. */
interface Served {
  readonly running: Map<number, AbortController>
  /** With those whose caller has gone and whose handlers have not ended yet. */
  count: number
  readonly counts: Map<string, number>
}

interface Pending {
  readonly to: PeerId
  /** The peer whose link carries it: `to` itself, or the neighbour that forwards. */
  readonly via: PeerId
  readonly settle: (outcome: { readonly value: unknown } | { readonly reason: unknown }) => void
}

export interface RpcOptions {
  readonly clock: Clock
  /** Sends to a member along the way that it names; throws a RoomError when there is none. */
  readonly send: (to: PeerId, lane: Lane, message: CallMessage, signal?: AbortSignal) => Promise<void>
  readonly isMember: (peerId: PeerId) => boolean
  /** The peer whose link leads to `to`; throws a RoomError for somebody to whom there is no way. */
  readonly via: (to: PeerId) => PeerId
}

/** Notifications and requests over the room's links. */
export class Rpc {
  readonly #options: RpcOptions
  readonly #channels = new Map<string, Set<NotifyHandler>>()
  readonly #methods = new Map<string, RequestHandler>()
  readonly #pending = new Map<number, Pending>()
  /** By peer and method. */
  readonly #lines = new Map<string, Line>()
  readonly #served = new Map<PeerId, Served>()
  #nextId = 0

  constructor(options: RpcOptions) {
    this.#options = options
  }

  async notify(to: PeerId, channel: string, body: Value, options: CallOptions = {}): Promise<void> {
    assertName(channel)
    options.signal?.throwIfAborted()
    this.#assertMember(to)
    await this.#options.send(to, options.lane ?? 'control', { type: 'notify', channel, body }, options.signal)
  }

  onNotify(channel: string, handler: NotifyHandler): () => void {
    assertName(channel)
    const handlers = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, handlers.add(handler))
    return () => handlers.delete(handler)
  }

  async request(
    to: PeerId,
    method: string,
    body: Value,
    options: CallOptions & { timeoutMs: number },
  ): Promise<unknown> {
    assertName(method)
    const { clock } = this.#options
    const key = `${to} ${method}`
    const line = this.#lines.get(key) ?? new Line(() => this.#lines.delete(key))
    this.#lines.set(key, line)
    if (!line.tryEnter())
      await withTimeout(clock, `the turn of ${method}`, TURN_MS, options.signal, (signal) =>
        line.turn(signal),
      )
    try {
      return await withTimeout(clock, `the request ${method}`, options.timeoutMs, options.signal, (signal) =>
        this.#call(to, method, body, options.lane ?? 'control', signal),
      )
    } finally {
      line.leave()
    }
  }

  serve(method: string, handler: RequestHandler): () => void {
    assertName(method)
    if (this.#methods.has(method)) throw new TypeError(`${method} is served already`)
    this.#methods.set(method, handler)
    return () => this.#methods.delete(method)
  }

  /** A message from a member. The promise, where there is one, holds the sender's credit back. */
  receive(from: PeerId, lane: Lane, message: CallMessage): void | Promise<void> {
    switch (message.type) {
      case 'notify':
        return this.#hear(from, message.channel, message.body)
      case 'request':
        void this.#answer(from, lane, message.id, message.method, message.body)
        return
      case 'answer':
        this.#settle(from, message.id, { value: message.body })
        return
      case 'failure':
        this.#settle(from, message.id, { reason: new RemoteError(message.code, message.message) })
        return
      case 'cancel':
        this.#served
          .get(from)
          ?.running.get(message.id)
          ?.abort(new RoomError('closed', 'the caller no longer waits'))
        return
    }
  }

  /** The link to `peerId` is gone: what was under way over it will not be answered. */
  dropVia(peerId: PeerId): void {
    const reason = new RoomError('closed', 'the link ended before the answer came')
    for (const pending of [...this.#pending.values()]) if (pending.via === peerId) pending.settle({ reason })
    this.dropFrom(peerId)
  }

  /** `peerId` is no member any more: nobody waits for what it asked, and it will not answer. */
  dropPeer(peerId: PeerId): void {
    const reason = new RoomError('closed', 'the peer has gone')
    for (const pending of [...this.#pending.values()]) if (pending.to === peerId) pending.settle({ reason })
    this.dropFrom(peerId)
  }

  dropFrom(peerId: PeerId): void {
    const running = this.#served.get(peerId)?.running
    const controllers = [...(running?.values() ?? [])]
    // The peer may come back and number its requests from the start again.
    running?.clear()
    for (const controller of controllers) controller.abort(new RoomError('closed', 'the caller has gone'))
  }

  end(): void {
    const reason = new RoomError('closed', 'the room is closed')
    for (const pending of [...this.#pending.values()]) pending.settle({ reason })
    for (const peerId of this.#served.keys()) this.dropFrom(peerId)
  }

  async #call(to: PeerId, method: string, body: Value, lane: Lane, signal: AbortSignal): Promise<unknown> {
    this.#assertMember(to)
    const via = this.#options.via(to)
    const id = this.#nextId++
    const answered = this.#await(to, via, id)
    const onAbort = () => this.#cancel(to, lane, id, signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    // Nobody waits for the way out alone: who gives up is answered while a large body is still on its way.
    this.#options.send(to, lane, { type: 'request', id, method, body }, signal).catch((reason: unknown) => {
      this.#pending.get(id)?.settle({ reason })
    })
    try {
      return await answered
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #assertMember(to: PeerId): void {
    if (!this.#options.isMember(to)) throw new RoomError('not-a-member', 'this peer is not in the room')
  }

  #await(to: PeerId, via: PeerId, id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle: Pending['settle'] = (outcome) => {
        this.#pending.delete(id)
        if ('value' in outcome) resolve(outcome.value)
        else reject(outcome.reason)
      }
      this.#pending.set(id, { to, via, settle })
    })
  }

  #cancel(to: PeerId, lane: Lane, id: number, reason: unknown): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    pending.settle({ reason })
    this.#options.send(to, lane, { type: 'cancel', id }).catch(() => {
      // The peer has gone, and its work for us with it.
    })
  }

  /** Only the peer that was asked can answer. */
  #settle(from: PeerId, id: number, outcome: Parameters<Pending['settle']>[0]): void {
    const pending = this.#pending.get(id)
    if (pending?.to === from) pending.settle(outcome)
  }

  #hear(from: PeerId, channel: string, body: unknown): void | Promise<void> {
    const promises: Promise<void>[] = []
    for (const handler of this.#channels.get(channel) ?? []) {
      try {
        const promise = handler(body, from)
        if (promise) promises.push(promise.catch(report))
      } catch (error) {
        report(error)
      }
    }
    if (promises.length > 0) return Promise.all(promises).then(() => {})
  }

  /** A request counts until its answer is within the caller's credit: who asks much and takes nothing fills no memory of ours. */
  async #answer(from: PeerId, lane: Lane, id: number, method: string, body: unknown): Promise<void> {
    const handler = this.#methods.get(method)
    const served: Served = this.#served.get(from) ?? { running: new Map(), count: 0, counts: new Map() }
    const count = served.counts.get(method) ?? 0
    if (!handler) return this.#reply(from, lane, failure(id, 'no-such-method', `nobody serves ${method}`))
    if (count >= MAX_SERVED_PER_METHOD || served.count >= MAX_SERVED_PER_PEER) {
      return this.#reply(from, lane, failure(id, 'busy', 'too many requests of this peer run at once'))
    }
    if (served.running.has(id)) return
    const controller = new AbortController()
    served.running.set(id, controller)
    served.count++
    served.counts.set(method, count + 1)
    this.#served.set(from, served)
    try {
      const answer = await outcome(handler, id, body, { from, signal: controller.signal })
      if (!controller.signal.aborted) await this.#reply(from, lane, answer, controller.signal)
    } finally {
      if (served.running.get(id) === controller) served.running.delete(id)
      served.counts.set(method, (served.counts.get(method) ?? 1) - 1)
      if (--served.count === 0) this.#served.delete(from)
    }
  }

  async #reply(from: PeerId, lane: Lane, answer: Answer, signal?: AbortSignal): Promise<void> {
    try {
      await this.#options.send(from, lane, answer, signal)
    } catch (error) {
      if (!(error instanceof WireError)) return // The caller has gone or waits no more; its request ends by itself.
      await this.#options.send(from, lane, failureOf(answer.id, error), signal).catch(() => {
        // As above.
      })
    }
  }
}

async function outcome(
  handler: RequestHandler,
  id: number,
  body: unknown,
  context: { from: PeerId; signal: AbortSignal },
): Promise<Answer> {
  try {
    return { type: 'answer', id, body: await handler(body, context) }
  } catch (error) {
    return failureOf(id, error)
  }
}

/** A handler's fault is reported where uncaught errors go; the sender is not to blame and goes on. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

function assertName(name: string): void {
  if (name.length === 0 || name.length > MAX_CALL_NAME_CHARACTERS)
    throw new TypeError(`${name.slice(0, 80)} cannot name a channel or method: 1 to 64 characters`)
}
