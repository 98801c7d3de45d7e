import { createHash } from 'node:crypto'
import { abortable, type DatasetId, Listeners, type PeerId, type ShardId } from '../../web/base/index.ts'
import type { DatasetFormat, DatasetManifest, ShardSource } from '../../web/data/index.ts'
import type { Room } from '../../web/mesh/index.ts'

/** Shards that everybody knows of and that sit where the test put them; a copy ends with its peer's membership. */
export class MemoryShards {
  readonly manifest: DatasetManifest
  readonly #bytes = new Map<ShardId, Uint8Array<ArrayBuffer>>()
  readonly #placed = new Map<ShardId, Set<PeerId>>()
  #isDropped = false
  readonly #listeners = new Listeners<[]>()

  constructor(name: string, format: DatasetFormat, parts: readonly string[], addedBy: PeerId) {
    const shards = parts.map((part, index) => {
      const bytes = new TextEncoder().encode(part)
      const id = createHash('sha256').update(`${index}/${part}`).digest('hex') as ShardId
      this.#bytes.set(id, bytes)
      this.#placed.set(id, new Set())
      return { id, bytes: bytes.byteLength, records: part.split('\n').length - 1 }
    })
    const id = 'dataset0000' as DatasetId
    this.manifest = { id, name, format, replicas: 2, shards, addedBy, addedAt: 0 }
  }

  drop(): void {
    this.#isDropped = true
    this.#listeners.emit()
  }

  place(index: number, ...peers: PeerId[]): void {
    const placed = this.#placed.get(this.manifest.shards[index]?.id as ShardId)
    for (const peer of peers) placed?.add(peer)
    this.#listeners.emit()
  }

  remove(index: number, peer: PeerId): void {
    this.#placed.get(this.manifest.shards[index]?.id as ShardId)?.delete(peer)
    this.#listeners.emit()
  }

  holders(shardId: ShardId, room: Room): PeerId[] {
    return [...(this.#placed.get(shardId) ?? [])].filter((peer) => room.member(peer) !== undefined)
  }

  /** One node's view. A moved shard counts as fetched, and arrives as soon as it is asked for. */
  source(room: Room): ShardSource {
    return {
      manifest: (dataset) =>
        !this.#isDropped && (dataset === this.manifest.name || Object(dataset).id === this.manifest.id)
          ? this.manifest
          : undefined,
      holders: (shardId) => this.holders(shardId, room),
      holdsLocally: (shardId) => this.#placed.get(shardId)?.has(room.self.peerId) ?? false,
      read: async (shardId, signal) => {
        const isLocal = this.#placed.get(shardId)?.has(room.self.peerId) ?? false
        const bytes = await abortable(Promise.resolve(this.#bytes.get(shardId)), signal)
        if (!bytes || this.holders(shardId, room).length === 0) throw new Error('nobody holds this shard')
        return { bytes: bytes.slice().buffer, bytesMoved: isLocal ? 0 : bytes.byteLength }
      },
      onChange: (listener) => {
        const ends = [this.#listeners.add(listener), room.onMembership(() => listener())]
        return () => {
          for (const end of ends) end()
        }
      },
    }
  }
}
