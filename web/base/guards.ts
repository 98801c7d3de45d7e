/** A whole number from `least` to `most`. */
export function isCount(value: unknown, least = 0, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}

/**
 * An object of names and values: `{}` or one without a prototype. No array, typed array, map, date or instance of a class:
 * a walk over their keys would be paid by us, and means nothing.
 */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return true
  // That of another window's objects is not ours, but ends as ours does.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return false
  return !Array.isArray(value) && !ArrayBuffer.isView(value)
}

/** The pairs of a record with at most `most` of them; undefined for anything else. Counts before it makes pairs. */
export function entriesOf(value: unknown, most: number): readonly (readonly [string, unknown])[] | undefined {
  if (!isRecord(value)) return undefined
  const names = Object.keys(value)
  return names.length > most ? undefined : names.map((name) => [name, value[name]] as const)
}
