import type { Clock, PeerId, ShardId } from '../base/index.ts'

const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 300_000
/** From this many on its word counts for nothing; they take half a minute at least. */
const MAX_FAILURES = 5

interface Doubt {
  failures: number
  /** By the clock's `now`: it is not asked before. */
  until: number
}

/** Shards that a peer says it has and did not give, or that this node's own disk did not take. */
export class Doubts {
  readonly #clock: Clock
  readonly #all = new Map<PeerId, Map<ShardId, Doubt>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True when its word counts for nothing from now on. Within a wait one failure is enough: several readers may ask at once. */
  failed(peerId: PeerId, shardId: ShardId): boolean {
    const now = this.#clock.now()
    const own = this.#all.get(peerId) ?? new Map<ShardId, Doubt>()
    this.#all.set(peerId, own)
    const doubt = own.get(shardId) ?? { failures: 0, until: now }
    own.set(shardId, doubt)
    if (now < doubt.until) return false
    doubt.until = now + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** doubt.failures)
    doubt.failures++
    return doubt.failures === MAX_FAILURES
  }

  /** It gave it. True when that was not believed any more. */
  gave(peerId: PeerId, shardId: ShardId): boolean {
    const wasBelieved = this.isBelieved(peerId, shardId)
    const own = this.#all.get(peerId)
    own?.delete(shardId)
    if (own?.size === 0) this.#all.delete(peerId)
    return !wasBelieved
  }

  failures(peerId: PeerId, shardId: ShardId): number {
    return this.#all.get(peerId)?.get(shardId)?.failures ?? 0
  }

  isBelieved(peerId: PeerId, shardId: ShardId): boolean {
    return this.failures(peerId, shardId) < MAX_FAILURES
  }

  /** Until it may be asked again; 0: now. */
  waitMs(peerId: PeerId, shardId: ShardId): number {
    const until = this.#all.get(peerId)?.get(shardId)?.until
    return until === undefined ? 0 : Math.max(0, until - this.#clock.now())
  }

  /**
   * It says itself which of these it does not have. When it says later that it has one, that is said anew and believed; what
   * failed is not forgotten, or one who says yes and no in turn would be asked without a pause.
   */
  withdraw(peerId: PeerId, isHeld: (shardId: ShardId) => boolean): void {
    for (const [shardId, doubt] of this.#all.get(peerId) ?? []) {
      if (isHeld(shardId)) continue
      doubt.failures = Math.min(doubt.failures, MAX_FAILURES - 1)
      doubt.until = Math.min(doubt.until, this.#clock.now() + FIRST_WAIT_MS)
    }
  }

  /** It begins anew, or has gone. */
  forget(peerId: PeerId): void {
    this.#all.delete(peerId)
  }

  /** Nobody asks for this shard any more. */
  forgetShard(shardId: ShardId): void {
    for (const own of this.#all.values()) own.delete(shardId)
  }
}
