import type { PeerId } from '../../base/index.ts'
import type { Value } from '../../wire/index.ts'
import type { Lane } from '../transport/index.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Default `control`. Bodies over 16 KiB belong on `bulk`. */
  readonly lane?: Lane
}

/** A request's handler; what it returns is the answer, what it throws reaches the caller as a RemoteError. */
export type RequestHandler = (
  body: unknown,
  context: { from: PeerId; signal: AbortSignal },
) => Promise<Value> | Value
