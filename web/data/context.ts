import type { Clock, Crypto, PeerId, Random, ShardId } from '../base/index.ts'
import type { Room } from '../mesh/index.ts'
import type { Store } from '../storage/index.ts'
import type { Catalog } from './catalog.ts'
import type { Holdings } from './holdings.ts'
import type { LocalShards } from './local-shards.ts'
import type { Roster } from './roster.ts'

/** What the parts of the data layer share. */
export interface DataContext {
  readonly room: Room
  readonly clock: Clock
  readonly crypto: Crypto
  readonly random: Random
  readonly catalog: Catalog
  readonly local: LocalShards
  readonly holdings: Holdings
  readonly roster: Roster
  readonly intake: Intake
  /** What this device's browser uses and allows. */
  readonly usage: Store['usage']
  /** The store has been read. Every handler and call waits for it. */
  readonly ready: Promise<void>
  /** Aborts when the layer closes. */
  readonly signal: AbortSignal
}

/** Whether this node takes shards for the room. */
export interface Intake {
  readonly isOpen: boolean
  /** The disk is full: what is here stays, nothing comes in. */
  readonly isFull: boolean
  /** The disk refused a shard. */
  refuse(): void
}

/** Copies wanted of a shard by the dataset that wants most, with the members of now. */
export function replicasOf({ catalog, roster }: DataContext, shardId: ShardId): number {
  return catalog
    .placesOf(shardId)
    .reduce(
      (most, { datasetId }) => Math.max(most, roster.replicasOf(catalog.get(datasetId)?.replicas ?? 1)),
      0,
    )
}

export function ownersOf(context: DataContext, shardId: ShardId): readonly PeerId[] {
  return context.roster.owners(shardId, replicasOf(context, shardId))
}

/** Other live members that say they hold the shard, those included who failed to give it. */
export function claimantsOf({ room, holdings }: DataContext, shardId: ShardId): PeerId[] {
  return room
    .members()
    .filter(({ isSelf, peerId }) => !isSelf && holdings.claims(peerId, shardId))
    .map(({ peerId }) => peerId)
}

/** Live members that hold the shard, this node included, ordered by PeerId. */
export function liveHolders({ room, local, holdings }: DataContext, shardId: ShardId): PeerId[] {
  return room
    .members()
    .filter(({ isSelf, peerId }) => (isSelf ? local.has(shardId) : holdings.holds(peerId, shardId)))
    .map(({ peerId }) => peerId)
}
