import type { ProvenPeer } from '../handshake/index.ts'
import type { Lane } from '../transport/index.ts'

export interface LinkStats {
  /** Smoothed round trip on the control lane; undefined before the first one. */
  readonly rttMs: number | undefined
  /** Since anything was heard. */
  readonly quietMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Why a link ended. `left`: the peer said goodbye; `silent`: nothing heard for too long; `fault`: it broke the protocol. */
export type LinkEnd = 'left' | 'silent' | 'closed' | 'fault' | 'local'

/**
 * The live, proven channel to one peer, for frames up to `MAX_FRAME_BYTES`. Small ones are batched, large ones chunked.
 * The control lane keeps the order of all; on the bulk lane frames of more than 16 KiB cross interleaved and may be
 * overtaken by any sent later, while smaller ones keep their order. Flow control is by credits from end to end.
 */
export interface Link {
  readonly peer: ProvenPeer
  readonly stats: LinkStats
  /**
   * Resolves once the frame is within the receiver's credit and handed to the lane; hundreds may be pending at once.
   * Rejects with a LinkError (`closed`, `too-large`, `backlog`), or with `signal.reason` if it has not begun to leave.
   * The bytes must not be changed before it settles.
   */
  send(lane: Lane, frame: Uint8Array, signal?: AbortSignal): Promise<void>
  /**
   * The one receiver of frames. Credit for a frame returns to the sender when the handler returns (or its promise
   * settles), so a slow handler slows the sender and not our memory.
   */
  onFrame: ((frame: Uint8Array, lane: Lane) => void | Promise<void>) | undefined
  readonly closed: Promise<LinkEnd>
  /** `drain` waits (bounded) for what was accepted to be acknowledged and says goodbye; without it the link is cut. */
  close(options?: { drain?: boolean }): Promise<void>
}
