import { isShardId, type PeerId, type ShardId } from '../base/index.ts'
import { StoreError } from '../storage/index.ts'
import { claimantsOf, type DataContext, liveHolders, ownersOf } from './context.ts'
import { KEEP, MAX_IDS, readIds } from './messages.ts'
import type { ShardReader } from './shard-reader.ts'

/** After the start the others of a reload get this long, counted from the last that joined, to come back. */
const START_QUIET_MS = 5_000
const START_LIMIT_MS = 15_000
const EVALUATE_DELAY_MS = 50
const RETRY_MS = 2_000
const MAX_FETCHES = 4
/** How long a copy must have been surplus, and how long a promise to keep one holds. */
const SURPLUS_MS = 60_000
const PROMISE_MS = 120_000
const KEEP_TIMEOUT_MS = 10_000

/**
 * Keeps every shard on its owners by pulling: an owner that lacks a copy fetches it from a holder. Copies beyond the owners'
 * are removed later, once each owner has promised to keep its own.
 */
export class Replication {
  readonly #context: DataContext
  readonly #reader: ShardReader
  readonly #startedAt: number
  readonly #fetching = new Set<ShardId>()
  readonly #surplusSince = new Map<ShardId, number>()
  readonly #promised = new Map<ShardId, number>()
  readonly #stops: (() => void)[]
  #wanted: ShardId[] = []
  #cancelEvaluate: (() => void) | undefined
  #evaluateAt = Number.POSITIVE_INFINITY
  /** Times in a row that an owner did not promise all it was asked for. */
  #unpromised = 0
  #askKeepAt = 0

  constructor(context: DataContext, reader: ShardReader) {
    this.#context = context
    this.#reader = reader
    this.#startedAt = context.clock.now()
    const soon = () => this.#schedule(EVALUATE_DELAY_MS)
    this.#stops = [
      context.roster.onChange(soon),
      context.holdings.onChange(soon),
      context.catalog.onChange(soon),
      context.local.onChange(soon),
      context.room.serve(KEEP, (body) => this.#onKeep(body)),
    ]
    soon()
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#cancelEvaluate?.()
  }

  /** The earliest of the asked times wins. */
  #schedule(delayMs: number): void {
    const { clock, signal } = this.#context
    const at = clock.now() + delayMs
    if (signal.aborted || at >= this.#evaluateAt) return
    this.#cancelEvaluate?.()
    this.#evaluateAt = at
    this.#cancelEvaluate = clock.after(delayMs, () => {
      this.#evaluateAt = Number.POSITIVE_INFINITY
      void this.#evaluate()
    })
  }

  async #evaluate(): Promise<void> {
    const { catalog, clock, intake, ready, roster } = this.#context
    await ready
    const now = clock.now()
    const quietUntil = Math.min(
      this.#startedAt + START_LIMIT_MS,
      Math.max(this.#startedAt, roster.lastJoinedAt) + START_QUIET_MS,
    )
    if (now < quietUntil) {
      this.#schedule(quietUntil - now)
      return
    }
    const isOpen = intake.isOpen
    const wanted = isOpen ? [...catalog.shards()].filter((id) => this.#isWanted(id)) : []
    this.#wanted = this.#rarestFirst(wanted.filter((id) => this.#waitMs(id) === 0))
    for (const id of wanted) if (this.#waitMs(id) > 0) this.#schedule(this.#waitMs(id))
    this.#fetchNext()
    await this.#trim(now)
  }

  #rarestFirst(shardIds: readonly ShardId[]): ShardId[] {
    const counted = shardIds.map((id) => ({ id, holders: liveHolders(this.#context, id).length }))
    return counted.sort((a, b) => a.holders - b.holders).map(({ id }) => id)
  }

  #fetchNext(): void {
    while (this.#fetching.size < MAX_FETCHES) {
      const shardId = this.#wanted.shift()
      if (shardId === undefined) return
      if (this.#isWanted(shardId) && this.#waitMs(shardId) === 0) void this.#fetch(shardId)
    }
  }

  async #fetch(shardId: ShardId): Promise<void> {
    const { catalog, holdings, intake, local, room, signal } = this.#context
    const { peerId } = room.self
    this.#fetching.add(shardId)
    try {
      const ready = claimantsOf(this.#context, shardId).filter(
        (claimant) => holdings.doubts.waitMs(claimant, shardId) === 0,
      )
      const bytes = await this.#reader.fetch(shardId, signal, ready)
      // It may have been dropped on the way.
      if (catalog.placesOf(shardId).length > 0 && intake.isOpen) await local.put(shardId, bytes)
      holdings.gave(peerId, shardId)
    } catch (error) {
      if (signal.aborted) return
      // A disk that does not take it is asked again no sooner than a holder that does not give it.
      if (error instanceof StoreError) holdings.failed(peerId, shardId)
      if (error instanceof StoreError && error.code === 'quota') intake.refuse()
      this.#schedule(EVALUATE_DELAY_MS)
    } finally {
      this.#fetching.delete(shardId)
    }
    this.#fetchNext()
  }

  /** This node should hold it, does not, and somebody does. */
  #isWanted(shardId: ShardId): boolean {
    const { local, room } = this.#context
    if (local.has(shardId) || this.#fetching.has(shardId)) return false
    const owners = ownersOf(this.#context, shardId)
    if (!owners.includes(room.self.peerId)) return false
    if (claimantsOf(this.#context, shardId).length === 0) return false
    return this.#lacking(shardId, owners).includes(room.self.peerId)
  }

  /** Until somebody who says that it holds it, and this disk, may be tried (again). */
  #waitMs(shardId: ShardId): number {
    const { holdings, room } = this.#context
    const wait = (peerId: PeerId) => holdings.doubts.waitMs(peerId, shardId)
    const claimants = claimantsOf(this.#context, shardId)
    return Math.max(wait(room.self.peerId), Math.min(...claimants.map(wait)))
  }

  /**
   * Owners without a copy for whom no other holder stands in. A holder stands in for an owner on its own device, where
   * moving would gain nothing, and for anybody when its disk is full.
   */
  #lacking(shardId: ShardId, owners: readonly PeerId[]): PeerId[] {
    const { holdings, local, room, roster, intake } = this.#context
    const { self } = room
    const holds = (peerId: PeerId) =>
      peerId === self.peerId ? local.has(shardId) : holdings.holds(peerId, shardId)
    const device = new Map(roster.members.map(({ peerId, deviceId }) => [peerId, deviceId]))
    const others = roster.members
      .map(({ peerId }) => peerId)
      .filter((id) => !owners.includes(id) && holds(id))
    const take = (isFit: (peerId: PeerId) => boolean) => {
      const at = others.findIndex(isFit)
      if (at >= 0) others.splice(at, 1)
      return at >= 0
    }
    const stays = (peerId: PeerId) => (peerId === self.peerId ? intake.isFull : holdings.stays(peerId))
    return owners
      .filter((owner) => !holds(owner))
      .filter((owner) => !take((peerId) => device.get(peerId) === device.get(owner)))
      .filter(() => !take(stays))
  }

  async #trim(now: number): Promise<void> {
    const { local } = this.#context
    const surplus = [...local.ids()].filter((shardId) => this.#isSurplus(shardId))
    const known = new Set(surplus)
    for (const shardId of this.#surplusSince.keys())
      if (!known.has(shardId)) this.#surplusSince.delete(shardId)
    for (const shardId of surplus) {
      if (!this.#surplusSince.has(shardId)) this.#surplusSince.set(shardId, now)
    }
    for (const [shardId, until] of this.#promised) if (until <= now) this.#promised.delete(shardId)
    if (surplus.length === 0) return
    const due = surplus.filter((shardId) => now - (this.#surplusSince.get(shardId) ?? now) >= SURPLUS_MS)
    const free = due.filter((shardId) => !this.#promised.has(shardId)).slice(0, MAX_IDS)
    if (free.length === 0 || now < this.#askKeepAt) {
      this.#schedule(free.length === 0 ? SURPLUS_MS / 4 : this.#askKeepAt - now)
      return
    }
    const kept = await this.#keptByOwners(free)
    this.#unpromised = kept.length === free.length ? 0 : this.#unpromised + 1
    const pauseMs = Math.min(SURPLUS_MS, RETRY_MS * 2 ** this.#unpromised)
    this.#askKeepAt = this.#context.clock.now() + pauseMs
    this.#schedule(pauseMs)
    await local.remove(kept.filter((shardId) => this.#isSurplus(shardId))).catch(() => {
      // They are tried again at the next evaluation.
    })
  }

  /** This node is no owner, and every owner that is here holds it. */
  #isSurplus(shardId: ShardId): boolean {
    const { catalog, holdings, room } = this.#context
    if (catalog.placesOf(shardId).length === 0) return false
    const owners = ownersOf(this.#context, shardId)
    if (owners.length === 0 || owners.includes(room.self.peerId)) return false
    return owners.every((peerId) => room.member(peerId) && holdings.holds(peerId, shardId))
  }

  /** Two peers that see different members must not each rely on the other's copy: owners promise first. */
  async #keptByOwners(shardIds: readonly ShardId[]): Promise<ShardId[]> {
    const asked = new Map<PeerId, ShardId[]>()
    for (const shardId of shardIds) {
      for (const owner of ownersOf(this.#context, shardId)) {
        asked.set(owner, [...(asked.get(owner) ?? []), shardId])
      }
    }
    const promises = new Map<PeerId, ReadonlySet<ShardId>>()
    await Promise.all(
      [...asked].map(async ([owner, ids]) => promises.set(owner, await this.#askToKeep(owner, ids))),
    )
    return shardIds.filter((shardId) =>
      ownersOf(this.#context, shardId).every((owner) => promises.get(owner)?.has(shardId)),
    )
  }

  async #askToKeep(owner: PeerId, ids: readonly ShardId[]): Promise<ReadonlySet<ShardId>> {
    const { room, signal } = this.#context
    try {
      const answer = await room.request(owner, KEEP, ids, { timeoutMs: KEEP_TIMEOUT_MS, signal })
      return new Set(readIds(answer, isShardId))
    } catch {
      // No promise, no removal.
      return new Set()
    }
  }

  async #onKeep(body: unknown): Promise<ShardId[]> {
    const { clock, local, ready } = this.#context
    await ready
    const held = (readIds(body, isShardId) ?? []).filter((shardId) => local.has(shardId))
    for (const shardId of held) this.#promised.set(shardId, clock.now() + PROMISE_MS)
    return held
  }
}
