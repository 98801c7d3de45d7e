import type { Lane } from '../transport/index.ts'

/** A lane's place in credit records; the order is the wire's. */
export const LANES: readonly Lane[] = ['control', 'bulk']

/**
 * How much a lane may have on its way. Bulk data waits in the receiver's event queue in front of the control lane's
 * messages, so this is also what a round trip pays for throughput: three quarters of a MiB are less than a tenth of a
 * second of what two tabs of a small machine carry, and more than one connection ever has in flight at 100 ms.
 */
export const WINDOW_BYTES: Readonly<Record<Lane, number>> = { control: 1024 * 1024, bulk: 768 * 1024 }

/** Frames whose handlers have not finished; with more nothing further is let come. */
export const HELD_BYTES: Readonly<Record<Lane, number>> = { control: 1024 * 1024, bulk: 4 * 1024 * 1024 }

/** Packets on a lane, if the connection takes messages this large. */
export const PACKET_BYTES: Readonly<Record<Lane, number>> = { control: 64 * 1024, bulk: 128 * 1024 }

/** No full packet is handed to a lane that has this much in its send buffer. */
export const HIGH_WATER_BYTES: Readonly<Record<Lane, number>> = { control: 256 * 1024, bulk: 256 * 1024 }

/** A packet that is not full leaves once the lane's send buffer holds no more than this: a busy lane batches by itself. */
export const LOW_WATER_BYTES: Readonly<Record<Lane, number>> = { control: 8 * 1024, bulk: 128 * 1024 }

/** Frames of more bytes are cut into chunks. */
export const LARGE_FRAME_BYTES = 16 * 1024

/** Large frames that cross at the same time, in turn. */
export const MAX_INTERLEAVED_FRAMES = 8

/** Sends that may wait on a lane; more are refused. */
export const MAX_WAITING_SENDS = 65_536

/** How long `close({ drain: true })` waits for the other side to have handled everything. */
export const DRAIN_LIMIT_MS = 5_000

/** A frame whose next chunk is late for this long although the sender has credit is a fault. */
export const CHUNK_LIMIT_MS = 60_000
