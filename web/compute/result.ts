import type { JobKey } from './job.ts'
import { decodeLists, decodePairs } from './sandbox/bucket.ts'
import { compareKeys } from './sandbox/keys.ts'

/** Joins the sorted results of all partitions; `areLists` without a reduce. Throws for bytes that are no result. */
export function mergeResults(
  parts: readonly ArrayBuffer[],
  areLists: boolean,
): (readonly [JobKey, unknown])[] {
  const decode: (part: ArrayBuffer) => [JobKey, unknown][] = areLists ? decodeLists : decodePairs
  const pairs = parts.flatMap(decode)
  return parts.length > 1 ? pairs.sort((a, b) => compareKeys(a[0], b[0])) : pairs
}
