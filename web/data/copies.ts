import { type DatasetId, type PeerId, type ShardId, sleep, TabmeshError } from '../base/index.ts'
import type { DataContext } from './context.ts'
import { DataError } from './errors.ts'
import { PUT } from './messages.ts'
import type { Provisional } from './provisional.ts'
import type { ShardReader } from './shard-reader.ts'

/** For 8 MiB behind 8 others over a poor link. */
const PUT_TIMEOUT_MS = 120_000
/** A peer with too much to do is asked again, for a while. */
const BUSY_PAUSE_MS = 250
const BUSY_LIMIT_MS = 30_000

export interface CopiesOptions {
  readonly context: DataContext
  readonly reader: ShardReader
  readonly provisional: Provisional
  readonly ingest: DatasetId
  readonly replicas: number | 'default'
  readonly signal: AbortSignal
}

/** Puts the shards of one ingest on the peers of their placement, the next ones for those who refuse or go. */
export class Copies {
  readonly #options: CopiesOptions
  readonly #holders = new Map<ShardId, Set<PeerId>>()
  /** Peers that take no more of this ingest, with the reason. */
  readonly #refusals = new Map<PeerId, unknown>()
  readonly #storing = new Map<ShardId, Promise<void>>()
  readonly #stop: () => void
  count = 0

  constructor(options: CopiesOptions) {
    this.#options = options
    // Who was away may have been reloaded, or taken this node for gone, and no longer keep what it got.
    this.#stop = options.context.room.onMembership(({ gone }) => {
      for (const { member } of gone)
        for (const holders of this.#holders.values()) holders.delete(member.peerId)
    })
  }

  close(): void {
    this.#stop()
  }

  /** Everybody who may have got something. */
  peers(): PeerId[] {
    const peers = new Set(this.#refusals.keys())
    for (const holders of this.#holders.values()) for (const peerId of holders) peers.add(peerId)
    for (const { peerId } of this.#options.context.room.members()) peers.add(peerId)
    return [...peers]
  }

  /** Resolves when as many peers as wanted have it on their disks. A shard that the file has twice is stored once. */
  store(shardId: ShardId, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const known = this.#storing.get(shardId)
    if (known) return known
    const storing = this.#spread(shardId, async () => bytes)
    this.#storing.set(shardId, storing)
    return storing
  }

  /** Replaces the copies of peers that have gone since. */
  async complete(): Promise<void> {
    for (const shardId of this.#holders.keys()) {
      await this.#spread(shardId, async () => this.#recover(shardId))
    }
  }

  async #spread(shardId: ShardId, getBytes: () => Promise<Uint8Array<ArrayBuffer>>): Promise<void> {
    const { context, signal } = this.#options
    const wasHeld = this.#holders.has(shardId)
    const holders = this.#holders.get(shardId) ?? new Set()
    this.#holders.set(shardId, holders)
    const failed = new Set<PeerId>()
    for (;;) {
      signal.throwIfAborted()
      const live = [...holders].filter((peerId) => context.room.member(peerId)).length
      const ranking = this.#ranking(shardId)
      const wanted = Math.min(context.roster.replicasOf(this.#options.replicas), ranking.length)
      const free = ranking.filter((peerId) => !holders.has(peerId) && !failed.has(peerId))
      const next = free.slice(0, Math.max(0, wanted - live))
      if (next.length === 0) {
        if (live === 0) throw this.#nowhere(wasHeld)
        return
      }
      const bytes = await getBytes()
      const puts = next.map(async (peerId) => {
        if (await this.#put(peerId, shardId, bytes)) {
          holders.add(peerId)
          this.count++
        } else failed.add(peerId)
      })
      await Promise.all(puts)
    }
  }

  /** Present members that take data, best first. */
  #ranking(shardId: ShardId): PeerId[] {
    const { room, roster } = this.#options.context
    return roster.ranking(shardId).filter((peerId) => room.member(peerId) && !this.#refusals.has(peerId))
  }

  async #put(peerId: PeerId, shardId: ShardId, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const { context, signal } = this.#options
    const end = context.clock.now() + BUSY_LIMIT_MS
    for (;;) {
      try {
        await this.#ask(peerId, shardId, bytes)
        return true
      } catch (error) {
        signal.throwIfAborted()
        if (!context.room.member(peerId) || codeOf(error) === 'closed') return false
        if (codeOf(error) !== 'busy') this.#refusals.set(peerId, error)
        if (codeOf(error) !== 'busy' || context.clock.now() >= end) return false
      }
      await sleep(context.clock, BUSY_PAUSE_MS, signal)
    }
  }

  async #ask(peerId: PeerId, shardId: ShardId, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { context, provisional, ingest, signal } = this.#options
    if (peerId === context.room.self.peerId) await provisional.put(peerId, { ingest, shardId, bytes })
    else {
      const options = { timeoutMs: PUT_TIMEOUT_MS, lane: 'bulk', signal } as const
      await context.room.request(peerId, PUT, { ingest, shardId, bytes }, options)
    }
  }

  async #recover(shardId: ShardId): Promise<Uint8Array<ArrayBuffer>> {
    const { context, reader, signal } = this.#options
    const own = await context.local.read(shardId)
    if (own) return new Uint8Array(own)
    // Whoever was away may still have it.
    const members = context.room.members().map(({ peerId }) => peerId)
    return reader.fetch(shardId, signal, members)
  }

  #nowhere(wasHeld: boolean): Error {
    if (wasHeld) {
      return new DataError('shards-missing', 'the peers that held parts of the file have gone: add it again')
    }
    const own = this.#refusals.get(this.#options.context.room.self.peerId)
    const isFull = this.#isAnybodyFull()
    if (!isFull && own instanceof Error && codeOf(own) !== 'refused') return own
    const message = isFull
      ? 'no peer in the room has space for the file: free some, drop a dataset or invite another device'
      : 'no peer in the room takes data: allow it on one of the devices'
    return new DataError('quota', message)
  }

  /** A peer may have become full by another shard, and so leave the ranking before this one was refused. */
  #isAnybodyFull(): boolean {
    const { room, holdings, intake } = this.#options.context
    if ([...this.#refusals.values()].some((reason) => codeOf(reason) === 'quota')) return true
    return intake.isFull || room.members().some(({ peerId }) => holdings.stays(peerId))
  }
}

function codeOf(error: unknown): string {
  return error instanceof TabmeshError ? error.code : 'failed'
}
