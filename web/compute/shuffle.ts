import type { PeerId } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Value } from '../wire/index.ts'
import { ComputeError } from './errors.ts'
import { Gate } from './gate.ts'
import { PARALLEL_FETCHES } from './limits.ts'
import { type FetchRequest, METHOD, type ReduceInput } from './messages.ts'

const PIECE_TIMEOUT_MS = 60_000

/** A peer's answer to a fetch, wherever the peer is; the node itself needs no link. */
export type Fetch = (peer: PeerId, request: FetchRequest, signal: AbortSignal) => Promise<ArrayBuffer>

export function createFetch(room: Room, serveSelf: (request: FetchRequest) => ArrayBuffer): Fetch {
  return async (peer, request, signal) => {
    if (peer === room.self.peerId) return serveSelf(request)
    const body: Value = { ...request }
    const answer = await room.request(peer, METHOD.fetch, body, {
      signal,
      lane: 'bulk',
      timeoutMs: PIECE_TIMEOUT_MS,
    })
    if (!(answer instanceof ArrayBuffer))
      throw new ComputeError('bad-message', 'a fetch was not answered with bytes')
    return answer
  }
}

/** Fetches `bytes` bytes of output, piece by piece. `offset` of the request is ignored. */
export async function fetchOutput(
  fetch: Fetch,
  peer: PeerId,
  request: FetchRequest,
  bytes: number,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  const whole = new Uint8Array(bytes)
  for (let offset = 0; offset < bytes; ) {
    const piece = await fetch(peer, { ...request, offset }, signal)
    if (piece.byteLength === 0 || offset + piece.byteLength > bytes)
      throw new ComputeError('bad-message', 'a fetch gave a piece of the wrong size')
    whole.set(new Uint8Array(piece), offset)
    offset += piece.byteLength
  }
  return whole.buffer
}

export interface Gathered {
  readonly buckets: readonly ArrayBuffer[]
  readonly bytesMoved: number
  /** Map tasks whose bucket could not be had. */
  readonly lost: readonly number[]
}

/** The buckets of one partition, in the order of the inputs. Rejects with `signal.reason` only. */
export async function gather(
  fetch: Fetch,
  self: PeerId,
  base: Pick<FetchRequest, 'submitter' | 'jobId' | 'bucket'>,
  inputs: readonly ReduceInput[],
  signal: AbortSignal,
): Promise<Gathered> {
  const gate = new Gate(PARALLEL_FETCHES)
  const lost: number[] = []
  let bytesMoved = 0
  const gathered = inputs.map(async (input) => {
    if ('inline' in input) return input.inline
    const { peer, task, attempt, bytes } = input
    try {
      const request: FetchRequest = { ...base, stage: 'map', task, attempt, offset: 0 }
      const bucket = await gate.run(signal, () => fetchOutput(fetch, peer, request, bytes, signal))
      if (peer !== self) bytesMoved += bytes
      return bucket
    } catch {
      // Whatever the reason, the submitter lets the map task run again; this reduce gets another attempt after that.
      signal.throwIfAborted()
      lost.push(task)
      return new ArrayBuffer(0)
    }
  })
  return { buckets: await Promise.all(gathered), bytesMoved, lost }
}
