import {
  abortable,
  type Clock,
  isPeerId,
  isRecord,
  type PeerId,
  type Random,
  randomToken,
} from '../../base/index.ts'
import { MessagingError } from '../errors.ts'
import { checkHeaders, decodeBody, encodeBody, type Headers, readHeaders } from '../item.ts'
import type { Calls } from './calls.ts'
import type { Reply } from './queue.ts'

/** Request, to whoever asked: the answer to its question. */
const METHOD_REPLY = 'queue.reply'
const REPLY_MS = 10_000
/** Questions that wait for their answers. */
const MAX_ASKED = 1_000
/** A reply address that lives as long as its question; any other is a queue's name. */
const TEMPORARY = /^reply:([a-z2-7]+)\/([a-z2-7]+)$/

interface Asked {
  resolve(reply: Reply): void
  reject(reason: unknown): void
}

/** Questions of this node and their answers: each question is a temporary address that only its own answers reach. */
export class Requests {
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #random: Random
  readonly #asked = new Map<string, Asked>()

  constructor(calls: Calls, clock: Clock, random: Random) {
    this.#calls = calls
    this.#clock = clock
    this.#random = random
    calls.serve(METHOD_REPLY, (body, { from }) => this.#onReply(body, from))
  }

  /**
   * `send` puts the question on its way with the reply address that it is given. Rejects with a MessagingError `no-reply`
   * when none comes within `timeoutMs`, with what `send` rejects with, or `signal.reason`. The first answer counts.
   */
  async ask(
    send: (replyTo: string) => Promise<unknown>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    if (this.#asked.size >= MAX_ASKED) {
      const text = `${MAX_ASKED} questions wait for their answers already: wait for some of them first.`
      throw new MessagingError('outbox-full', text)
    }
    const token = randomToken(this.#random)
    const replied = new Promise<Reply>((resolve, reject) => this.#asked.set(token, { resolve, reject }))
    const cancel = this.#clock.after(timeoutMs, () => this.#asked.get(token)?.reject(noReply(timeoutMs)))
    send(`reply:${this.#calls.self}/${token}`).catch((error: unknown) =>
      this.#asked.get(token)?.reject(error),
    )
    try {
      return await abortable(replied, signal)
    } finally {
      cancel()
      this.#asked.delete(token)
    }
  }

  /** Resolves when whoever asked has it. Rejects with a MessagingError `no-reply` when nobody waits for it any more. */
  async reply(replyTo: string, body: unknown, headers: Headers | undefined): Promise<void> {
    const [, peer, token] = TEMPORARY.exec(replyTo) ?? []
    if (!isPeerId(peer) || token === undefined)
      throw new MessagingError('bad-option', 'this is no address of a question')
    const message = { token, body: encodeBody(body), headers: { ...checkHeaders(headers) } }
    const bytes = message.body.byteLength
    try {
      await this.#calls.request(peer, METHOD_REPLY, message, { timeoutMs: REPLY_MS, bytes })
    } catch (cause) {
      throw new MessagingError('no-reply', 'Whoever asked no longer waits for an answer.', { cause })
    }
  }

  close(): void {
    for (const { reject } of this.#asked.values()) reject(new MessagingError('closed', 'this node has ended'))
  }

  #onReply(body: unknown, from: PeerId): null {
    const {
      token,
      body: bytes,
      headers: given,
    } = isRecord(body) ? body : ({} as Readonly<Record<string, unknown>>)
    const asked = typeof token === 'string' ? this.#asked.get(token) : undefined
    const headers = readHeaders(given)
    const decoded = bytes instanceof Uint8Array ? decodeBody(bytes) : undefined
    if (!headers || !decoded) throw new MessagingError('malformed', 'this is no answer')
    if (!asked) throw new MessagingError('no-reply', 'nobody waits for this answer')
    asked.resolve({ body: decoded.body, headers, from })
    return null
  }
}

export function isTemporary(replyTo: string): boolean {
  return TEMPORARY.test(replyTo)
}

function noReply(timeoutMs: number): MessagingError {
  return new MessagingError('no-reply', `No answer came within ${timeoutMs} ms.`)
}
