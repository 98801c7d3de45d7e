export const MIN_SHARD_BYTES = 4 * 1024
/** No record, and so no shard, is larger. */
export const MAX_SHARD_BYTES = 8 * 1024 * 1024
/** Of CSV, with the lines in front of it: it travels in the manifest, beside the names of its columns. */
export const MAX_HEADER_BYTES = 1024 * 1024
export const MAX_SKIPPED_LINES = 1_000
export const DEFAULT_MIN_SHARD_BYTES = 64 * 1024
export const DEFAULT_MAX_SHARD_BYTES = 4 * 1024 * 1024
/** For a stream of unknown length. */
export const DEFAULT_STREAM_SHARD_BYTES = 1024 * 1024
/** By default a file is cut into about this many shards. */
export const DEFAULT_SHARDS = 64
/** A manifest with more does not travel in one frame. */
export const MAX_SHARDS = 65_536
export const MAX_COLUMNS = 4_096
export const MAX_NAME_LENGTH = 200
export const MAX_REPLICAS = 12
export const MAX_DATASETS = 10_000
export const MAX_TOMBSTONES = 10_000
/** Of the drops that one member told of. */
export const MAX_TOMBSTONES_PER_MEMBER = 2_000
/** Shards of all datasets that a catalog keeps: a terabyte and more of large ones. */
export const MAX_CATALOG_SHARDS = 524_288
export const PREVIEW_RECORDS = 100
