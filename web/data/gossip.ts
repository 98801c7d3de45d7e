import { type DatasetId, every, type PeerId } from '../base/index.ts'
import type { Value } from '../wire/index.ts'
import type { DataContext } from './context.ts'
import { bitsOf } from './holdings.ts'
import {
  DIGEST,
  type DigestBody,
  HOLDINGS,
  isDatasetId,
  MAX_DIGEST_ENTRIES,
  manifestValue,
  PULL,
  readDigest,
  readHoldings,
  readIds,
  readManifests,
} from './messages.ts'

/** Changes of holdings are told together. */
const TELL_DELAY_MS = 50
/** Members are told everything again, so that nothing that was lost on the way stays lost: all of them, or some in turn. */
const REPEAT_MS = 15_000
/** Datasets that one repetition tells of, to keep its messages small. */
const REPEAT_DATASETS = 2_000
const PULL_TIMEOUT_MS = 30_000
const PULL_IDS = 64
/** Shards whose manifests travel in one answer: about 100 bytes each; header lines count by their size. */
const PULL_SHARDS = 20_000

type News = 'everything' | Set<DatasetId>

/**
 * Spreads what must be the same everywhere (manifests, tombstones) and what each peer alone knows (its holdings):
 * everything to a member that joins, changes to all, everything again from time to time.
 */
export class Gossip {
  readonly #context: DataContext
  readonly #drop: (datasetId: DatasetId, by: PeerId) => Promise<void>
  readonly #news = new Map<PeerId, News>()
  readonly #pulling = new Set<DatasetId>()
  readonly #stops: (() => void)[]
  #cancelTell: (() => void) | undefined
  #turn = 0

  constructor(context: DataContext, drop: (datasetId: DatasetId, by: PeerId) => Promise<void>) {
    this.#context = context
    this.#drop = drop
    const { room, clock, catalog, local, roster } = context
    this.#stops = [
      room.onNotify(DIGEST, (body, from) => this.#onDigest(body, from)),
      room.onNotify(HOLDINGS, async (body, from) => {
        await context.ready
        const checked = readHoldings(body)
        if (checked) context.holdings.learn(from, checked)
      }),
      room.serve(PULL, async (body) => {
        await context.ready
        return this.#manifests(readIds(body, isDatasetId) ?? [])
      }),
      room.onMembership(({ joined }) => {
        for (const { peerId, isSelf } of joined) {
          if (isSelf) continue
          context.holdings.trust(peerId)
          this.#introduce(peerId)
        }
        this.#forgetGone()
      }),
      roster.onChange(() => this.#forgetGone()),
      catalog.onChange((datasetId) => this.#tell(datasetId)),
      local.onChange((shardIds) => {
        for (const shardId of shardIds)
          for (const { datasetId } of catalog.placesOf(shardId)) this.#tell(datasetId)
      }),
      every(clock, REPEAT_MS, () => this.#repeat()),
    ]
    for (const { peerId, isSelf } of room.members()) if (!isSelf) this.#introduce(peerId)
  }

  /** Tells all members whether this node takes data, and all that it holds. */
  tellAll(): void {
    for (const { peerId, isSelf } of this.#context.room.members())
      if (!isSelf) this.#news.set(peerId, 'everything')
    this.#schedule()
  }

  /** What is waiting to be told is told now. */
  flush(): void {
    this.#cancelTell?.()
    this.#cancelTell = undefined
    for (const [peerId, news] of this.#news) void this.#sendHoldings(peerId, news)
    this.#news.clear()
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#cancelTell?.()
  }

  #introduce(peerId: PeerId): void {
    this.#news.set(peerId, 'everything')
    this.#schedule()
    void this.#sendDigest(peerId)
  }

  #repeat(): void {
    const { room, catalog } = this.#context
    void catalog.saveRest()
    const others = room.members().filter(({ isSelf }) => !isSelf)
    const count = Math.min(others.length, Math.max(1, Math.floor(REPEAT_DATASETS / (catalog.size + 1))))
    for (let i = 0; i < count; i++) {
      const next = others[this.#turn++ % others.length]
      if (next) this.#introduce(next.peerId)
    }
  }

  #tell(datasetId: DatasetId): void {
    for (const { peerId, isSelf } of this.#context.room.members()) {
      if (isSelf) continue
      const news = this.#news.get(peerId) ?? new Set()
      if (news !== 'everything') news.add(datasetId)
      this.#news.set(peerId, news)
    }
    this.#schedule()
  }

  #schedule(): void {
    this.#cancelTell ??= this.#context.clock.after(TELL_DELAY_MS, () => this.flush())
  }

  async #sendHoldings(to: PeerId, news: News): Promise<void> {
    const { room, catalog, local, intake, ready } = this.#context
    await ready
    const ids = news === 'everything' ? [...catalog.byName().values()].map(({ id }) => id) : [...news]
    const sets = ids.flatMap((id) => {
      const shards = catalog.get(id)?.shards.map((shard) => shard.id)
      return shards ? [[id, bitsOf(shards, (shardId) => local.has(shardId))] as const] : []
    })
    if (news !== 'everything' && sets.length === 0) return
    await room
      .notify(to, HOLDINGS, { isFull: news === 'everything', stays: intake.isFull, sets })
      .catch(() => this.#retry(to))
  }

  async #sendDigest(to: PeerId): Promise<void> {
    const { room, catalog, ready } = this.#context
    await ready
    const digest = catalog.digest()
    for (let at = 0; at < digest.length; at += MAX_DIGEST_ENTRIES) {
      await room.notify(to, DIGEST, digest.slice(at, at + MAX_DIGEST_ENTRIES)).catch(() => this.#retry(to))
    }
  }

  /** A member that could not be reached is told everything at the next chance; one that has gone asks when it returns. */
  #retry(to: PeerId): void {
    if (this.#context.room.member(to)) this.#news.set(to, 'everything')
  }

  async #onDigest(body: unknown, from: PeerId): Promise<void> {
    await this.#context.ready
    const digest = readDigest(body)
    if (!digest) return
    for (const [id, isDropped] of digest)
      if (isDropped && !this.#context.catalog.isDropped(id)) await this.#drop(id, from)
    // Not awaited: the link must not wait for answers that come over it.
    void this.#pull(from, digest)
  }

  async #pull(from: PeerId, digest: DigestBody): Promise<void> {
    const { room, catalog, signal } = this.#context
    const isMissing = (id: DatasetId) => !catalog.get(id) && !catalog.isDropped(id) && !this.#pulling.has(id)
    let missing = digest.filter(([id, isDropped]) => !isDropped && isMissing(id)).map(([id]) => id)
    for (const id of missing) this.#pulling.add(id)
    const pulled = missing
    try {
      while (missing.length > 0) {
        const ids = missing.slice(0, PULL_IDS)
        const options = { timeoutMs: PULL_TIMEOUT_MS, lane: 'bulk', signal } as const
        const manifests = readManifests(await room.request(from, PULL, ids, options))
        const wanted = manifests.filter(({ id }) => ids.includes(id))
        for (const manifest of wanted) await catalog.add(manifest)
        const got = new Set(wanted.map(({ id }) => id))
        if (got.size === 0) break
        missing = missing.filter((id) => !got.has(id))
      }
    } catch {
      // It has gone or is too slow: the next digest, from it or another, names what is still missing.
    } finally {
      for (const id of pulled) this.#pulling.delete(id)
    }
  }

  #manifests(ids: readonly DatasetId[]) {
    let shards = 0
    const manifests: Value[] = []
    for (const id of ids) {
      const manifest = this.#context.catalog.get(id)
      if (!manifest) continue
      shards += manifest.shards.length + (manifest.header?.length ?? 0) / 25
      if (manifests.length > 0 && shards > PULL_SHARDS) break
      manifests.push(manifestValue(manifest))
    }
    return manifests
  }

  #forgetGone(): void {
    const { room, roster, holdings } = this.#context
    const known = new Set([...room.members(), ...roster.members].map(({ peerId }) => peerId))
    for (const peerId of holdings.peers()) if (!known.has(peerId)) holdings.forget(peerId)
    for (const peerId of this.#news.keys()) if (!room.member(peerId)) this.#news.delete(peerId)
  }
}
