import { type PeerId, reasonText, TabmeshError, TimeoutError } from '../base/index.ts'
import { type Lane, type Room, RoomError } from '../mesh/index.ts'
import type { Value } from '../wire/index.ts'
import { ComputeError } from './errors.ts'
import { CONTROL_BYTES } from './limits.ts'
import {
  CLOSE_CHANNEL,
  type FaultAnswer,
  type FetchRequest,
  type JobSpec,
  type LostAnswer,
  type MapAnswer,
  type MapRequest,
  METHOD,
  parseMapAnswer,
  parseReduceAnswer,
  type ReduceAnswer,
  type ReduceRequest,
} from './messages.ts'
import { fetchOutput } from './shuffle.ts'
import type { AttemptFailure } from './task.ts'
import type { WorkerPeer } from './worker.ts'

const OPEN_TIMEOUT_MS = 30_000
/** An attempt may wait at its peer behind others; that the peer lives is membership's to say. */
const WAIT_FACTOR = 10

/** A submitter's calls for one job, to other peers over the room and to its own worker directly. */
export class JobCalls {
  readonly #room: Room
  readonly #worker: WorkerPeer
  readonly #spec: JobSpec
  readonly #opened = new Map<PeerId, Promise<void>>()
  /** Whoever was ever asked to open the job. */
  readonly #told = new Set<PeerId>()

  constructor(room: Room, worker: WorkerPeer, spec: JobSpec) {
    this.#room = room
    this.#worker = worker
    this.#spec = spec
  }

  async map(peer: PeerId, request: MapRequest, signal: AbortSignal): Promise<MapAnswer | FaultAnswer> {
    const self = this.#room.self.peerId
    const body: Value = { ...request }
    const answer = await this.#call(peer, signal, 'control', () =>
      peer === self
        ? this.#worker.map(self, request, signal)
        : this.#request(peer, METHOD.map, body, 'control', signal),
    )
    const parsed = parseMapAnswer(answer, this.#spec.partitions)
    if (!parsed) throw new ComputeError('bad-message', 'the answer to a map attempt is malformed')
    return parsed
  }

  async reduce(
    peer: PeerId,
    request: ReduceRequest,
    signal: AbortSignal,
  ): Promise<ReduceAnswer | FaultAnswer | LostAnswer> {
    const self = this.#room.self.peerId
    const body: Value = { ...request, inputs: request.inputs.map((input): Value => ({ ...input })) }
    const answer = await this.#call(peer, signal, 'bulk', () =>
      peer === self
        ? this.#worker.reduce(self, request, signal)
        : this.#request(peer, METHOD.reduce, body, 'bulk', signal),
    )
    const parsed = parseReduceAnswer(answer)
    if (!parsed) throw new ComputeError('bad-message', 'the answer to a reduce attempt is malformed')
    return parsed
  }

  fetch(peer: PeerId, request: FetchRequest, bytes: number, signal: AbortSignal): Promise<ArrayBuffer> {
    return fetchOutput(this.#worker.fetch, peer, request, bytes, signal)
  }

  /** It will be opened again before its next attempt: what it knew of the job is gone. */
  forget(peer: PeerId): void {
    this.#opened.delete(peer)
  }

  /** Tells every peer that the job has ended. */
  close(): void {
    // By the lane that the job went by, so as not to be there before it.
    const lane = this.#isSmall ? 'control' : 'bulk'
    for (const peer of this.#told) {
      if (peer === this.#room.self.peerId) this.#worker.close(peer, this.#spec.jobId)
      else {
        this.#room.notify(peer, CLOSE_CHANNEL, this.#spec.jobId, { lane }).catch(() => {
          // It has gone, and the job with it; or it will ask after a while.
        })
      }
    }
  }

  /** Small jobs do not wait for the opening's answer: both requests go by the ordered lane. */
  async #call<T>(peer: PeerId, signal: AbortSignal, lane: Lane, call: () => Promise<T>): Promise<T> {
    const opening = this.#open(peer)
    if (this.#isSmall && lane === 'control' && peer !== this.#room.self.peerId) {
      const [answer] = await Promise.all([call(), opening])
      return answer
    }
    await opening
    signal.throwIfAborted()
    return await call()
  }

  #open(peer: PeerId): Promise<void> {
    const known = this.#opened.get(peer)
    if (known) return known
    const opening = this.#sendSpec(peer).catch((error) => {
      if (this.#opened.get(peer) === opening) this.#opened.delete(peer)
      throw error
    })
    this.#opened.set(peer, opening)
    this.#told.add(peer)
    return opening
  }

  async #sendSpec(peer: PeerId): Promise<void> {
    if (peer === this.#room.self.peerId) return this.#worker.open(peer, this.#spec)
    const body: Value = {
      ...this.#spec,
      code: { ...this.#spec.code },
      format: { ...this.#spec.format } as Value,
    }
    const lane = this.#isSmall ? 'control' : 'bulk'
    await this.#room.request(peer, METHOD.open, body, { lane, timeoutMs: OPEN_TIMEOUT_MS })
  }

  get #isSmall(): boolean {
    const { map, combine = '', reduce = '' } = this.#spec.code
    return map.length + combine.length + reduce.length + this.#spec.params.byteLength < CONTROL_BYTES / 2
  }

  #request(peer: PeerId, method: string, body: Value, lane: Lane, signal: AbortSignal): Promise<unknown> {
    return this.#room.request(peer, method, body, {
      signal,
      lane,
      timeoutMs: this.#spec.taskTimeoutMs * WAIT_FACTOR + OPEN_TIMEOUT_MS,
    })
  }
}

/** What a call's rejection means for the attempt. */
export function failureOf(error: unknown): AttemptFailure {
  const reason = reasonText(error).slice(0, 1000)
  if (error instanceof RoomError || error instanceof TimeoutError) return { kind: 'lost', reason }
  const code = error instanceof TabmeshError ? error.code : undefined
  if (code === 'refused' || code === 'leaks') return { kind: 'peer', reason, refusal: code }
  // It has lost the job (its link went, or it came back as a new session): nothing was wrong with the task.
  if (code === 'no-such-job' || code === 'closed' || code === 'busy') return { kind: 'lost', reason }
  return { kind: 'peer', reason }
}
