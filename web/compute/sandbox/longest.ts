import { isCount, isRecord } from '../../base/index.ts'
import { isKey, type Key } from './keys.ts'

/** The key of most values in a task's output, so that an error can name it where lists are the result. */
export type LongestList = {
  readonly key: Key
  readonly values: number
}

/** A longer key is not told: it would have to be cut, and would be another. */
const MAX_KEY_CHARS = 200

/** Undefined where there is none, and for a key too long to tell. */
export function longestOf(groups: ReadonlyMap<Key, readonly unknown[]>): LongestList | undefined {
  let longest: LongestList | undefined
  for (const [key, { length }] of groups)
    if (length > (longest?.values ?? 0)) longest = { key, values: length }
  return longest && isTold(longest.key) ? longest : undefined
}

export function parseLongest(value: unknown): LongestList | undefined {
  if (!isRecord(value)) return undefined
  const { key, values } = value
  return isKey(key) && isTold(key) && isCount(values) ? { key, values } : undefined
}

function isTold(key: Key): boolean {
  return typeof key === 'number' || key.length <= MAX_KEY_CHARS
}
