import type { JobKey } from './job.ts'
import { decodePairs } from './sandbox/bucket.ts'
import { compareKeys } from './sandbox/keys.ts'

/** Joins the sorted results of all partitions. Throws for bytes that are no result. */
export function mergeResults(parts: readonly ArrayBuffer[]): (readonly [JobKey, unknown])[] {
  const pairs = parts.flatMap((part) => decodePairs(part))
  return parts.length > 1 ? pairs.sort((a, b) => compareKeys(a[0], b[0])) : pairs
}
