/** DatasetId to a manifest or a tombstone. */
export const MANIFESTS = 'data.manifests'
/** ShardId to its bytes. */
export const SHARDS = 'data.shards'
/** What the data layer keeps in a node's store. */
export const DATA_TABLES: readonly string[] = [MANIFESTS, SHARDS]
