/** The largest frame on a link, and with it the largest encoded value: two shards of the largest size. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
/** Nesting of a value: arrays, objects, maps and sets inside each other. */
export const MAX_VALUE_DEPTH = 64
/**
 * What a value may weigh: 1 for each array, object or date in it, {@link HEAVY} for each map, set, buffer or view, 2 for each
 * entry of a map or set, {@link HEAVY} for each of a wide object. An empty map has two bytes on the wire and a hundred times as
 * many in memory, and each entry costs time, so bytes alone bound nothing. 2 Mi weigh at most some 200 MB.
 */
export const MAX_VALUE_WEIGHT = 2 * 1024 * 1024
export const HEAVY = 4
export const ENTRY = 2
/** Names of an object from which on engines keep them in a table: a row of data has fewer. */
export const WIDE = 512
/** Bytes of a bigint's magnitude. */
export const MAX_BIGINT_BYTES = 64 * 1024
