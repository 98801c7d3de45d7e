import { isShardId, type PeerId, type ShardId, shuffled, sleep } from '../base/index.ts'
import { claimantsOf, type DataContext } from './context.ts'
import { DataError } from './errors.ts'
import { GET, readShardBytes } from './messages.ts'

/** For 8 MiB over a poor link. */
const GET_TIMEOUT_MS = 60_000
/** Shards that are read from the disk for others at once. */
const MAX_SERVED = 8
/** How long a reader of a dataset waits for a holder to return. */
const MISSING_WAIT_MS = 30_000
const RETRY_MS = 500

/** Shards from here or from whoever holds them; every one has the bytes that its id promises. */
export class ShardReader {
  readonly #context: DataContext
  readonly #stop: () => void
  #served = 0
  readonly #waiting: (() => void)[] = []

  constructor(context: DataContext) {
    this.#context = context
    this.#stop = context.room.serve(GET, (body, { signal }) => this.#serve(body, signal))
  }

  /** Rejects with `shards-missing` when no live member holds it. */
  async read(shardId: ShardId, signal: AbortSignal): Promise<{ bytes: ArrayBuffer; bytesMoved: number }> {
    await this.#context.ready
    const local = this.#context.local.has(shardId) ? await this.#context.local.read(shardId) : undefined
    if (local) return { bytes: local, bytesMoved: 0 }
    const bytes = await this.fetch(shardId, signal)
    const isWhole = bytes.byteLength === bytes.buffer.byteLength
    return { bytes: isWhole ? bytes.buffer : bytes.slice().buffer, bytesMoved: bytes.byteLength }
  }

  /** As {@link read}, but waits up to 30 s for a holder. */
  async readPatiently(shardId: ShardId, signal: AbortSignal): Promise<ArrayBuffer> {
    const { clock } = this.#context
    const end = clock.now() + MISSING_WAIT_MS
    for (;;) {
      try {
        return (await this.read(shardId, signal)).bytes
      } catch (error) {
        if (!(error instanceof DataError) || error.code !== 'shards-missing' || clock.now() >= end)
          throw error
        await sleep(clock, RETRY_MS, signal)
      }
    }
  }

  /**
   * From another peer: the named ones, or those who say that they hold it. Who failed least is asked first, who is not
   * believed any more only when its wait is over.
   */
  async fetch(
    shardId: ShardId,
    signal: AbortSignal,
    from?: readonly PeerId[],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const asked = this.#inOrder(shardId, from ?? claimantsOf(this.#context, shardId))
    const { holdings } = this.#context
    for (const peerId of asked) {
      const bytes = await this.#ask(peerId, shardId, signal)
      if (bytes) {
        holdings.gave(peerId, shardId)
        return bytes
      }
      if (holdings.claims(peerId, shardId)) holdings.failed(peerId, shardId)
    }
    const where = asked.length > 0 ? 'no holder gave it' : 'no peer in the room holds it'
    throw new DataError('shards-missing', `shard ${shardId.slice(0, 8)} cannot be read: ${where}`)
  }

  close(): void {
    this.#stop()
  }

  /** Who failed least first, then direct members, else any order, so that no holder gets all the work. */
  #inOrder(shardId: ShardId, peerIds: readonly PeerId[]): PeerId[] {
    const { room, random, holdings } = this.#context
    const { doubts } = holdings
    const failures = (peerId: PeerId) => doubts.failures(peerId, shardId)
    const mayAsk = (peerId: PeerId) =>
      doubts.isBelieved(peerId, shardId) || doubts.waitMs(peerId, shardId) === 0
    const isDirect = (peerId: PeerId) => (room.member(peerId)?.isDirect ? 0 : 1)
    return shuffled(random, peerIds)
      .filter((peerId) => peerId !== room.self.peerId && room.member(peerId) && mayAsk(peerId))
      .sort((a, b) => failures(a) - failures(b) || isDirect(a) - isDirect(b))
  }

  /** Undefined when this holder cannot give it; the next may. */
  async #ask(
    peerId: PeerId,
    shardId: ShardId,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { room, local } = this.#context
    try {
      const options = { timeoutMs: GET_TIMEOUT_MS, lane: 'bulk', signal } as const
      const bytes = readShardBytes(await room.request(peerId, GET, shardId, options))
      return bytes && (await local.idOf(bytes)) === shardId ? bytes : undefined
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }

  async #serve(body: unknown, signal: AbortSignal): Promise<ArrayBuffer> {
    await this.#context.ready
    if (!isShardId(body)) throw new DataError('bad-message', 'a shard id is 64 hexadecimal digits')
    if (this.#served >= MAX_SERVED) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#served++
    try {
      signal.throwIfAborted()
      const bytes = await this.#context.local.read(body)
      if (!bytes) throw new DataError('not-held', 'this peer does not hold the shard')
      return bytes
    } finally {
      this.#served--
      this.#waiting.shift()?.()
    }
  }
}
