import { isCount, isRecord } from './guards.ts'
import { OptionError } from './option-error.ts'
import { visibleName } from './visible-name.ts'

interface Bounds {
  readonly least?: number
  readonly most?: number
}

/**
 * Checks where an option enters. Each gives the value back, or what counts of it, or throws an {@link OptionError} that names option and value.
 * None fills in a default: an option that may be left out is checked only when it is there.
 */
export const option = {
  /**
   * An object of options, `{}` for undefined. A name that is none of `names` is refused: a mistyped option would be
   * ignored in silence.
   */
  names<Options extends object>(
    what: string,
    value: Options | undefined,
    names: readonly (keyof Options & string)[],
  ): Options {
    if (value === undefined) return {} as Options
    if (!isRecord(value)) throw new OptionError(what, value, 'takes its options as one object')
    for (const name of Object.keys(value)) {
      if (names.includes(name as keyof Options & string)) continue
      const known = names.length > 0 ? `: it has ${names.join(', ')}` : ''
      throw new OptionError(short(name), value[name], `is no option of ${what}${known}`)
    }
    return value
  },

  boolean(name: string, value: unknown): boolean {
    if (typeof value === 'boolean') return value
    throw new OptionError(name, value, 'is true or false')
  },

  /** A whole number. */
  count(name: string, value: unknown, { least = 0, most = Number.MAX_SAFE_INTEGER }: Bounds = {}): number {
    if (isCount(value, least, most)) return value
    throw new OptionError(name, value, `is a whole number ${rangeText(least, most)}`)
  },

  /** Milliseconds: any finite number from 0. */
  durationMs(name: string, value: unknown, { least = 0, most = Number.MAX_VALUE }: Bounds = {}): number {
    if (typeof value === 'number' && value >= least && value <= most) return value
    throw new OptionError(name, value, `is a number of milliseconds ${rangeText(least, most)}`)
  },

  /** `least` to `most` UTF-16 units, with no half of a pair. */
  text(name: string, value: unknown, { least = 0, most = Number.MAX_SAFE_INTEGER }: Bounds = {}): string {
    if (typeof value === 'string' && isCount(value.length, least, most) && value.isWellFormed()) return value
    throw new OptionError(
      name,
      value,
      `is a text without half a surrogate pair, ${rangeText(least, most)} characters long`,
    )
  },

  /** What is seen of it, 1 to 64 characters: see {@link visibleName}. */
  visibleName(name: string, value: unknown): string {
    const seen = typeof value === 'string' ? visibleName(value) : ''
    if (seen !== '') return seen
    throw new OptionError(name, value, 'is a text with something to be seen in it')
  },

  oneOf<const Choice extends string>(name: string, value: unknown, choices: readonly Choice[]): Choice {
    if (choices.includes(value as Choice)) return value as Choice
    throw new OptionError(name, value, `is ${choices.join(' or ')}`)
  },

  /** May be left out. */
  callback(name: string, value: unknown): void {
    if (value === undefined || typeof value === 'function') return
    throw new OptionError(name, value, 'is a function')
  },

  /** May be left out. */
  signal(name: string, value: unknown): AbortSignal | undefined {
    if (value === undefined || value instanceof AbortSignal) return value
    throw new OptionError(name, value, 'is an AbortSignal')
  },
} as const

function short(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40).toWellFormed()}…` : name.toWellFormed()
}

function rangeText(least: number, most: number): string {
  const isOpen = most === Number.MAX_SAFE_INTEGER || most === Number.MAX_VALUE
  return isOpen ? `from ${least}` : `from ${least} to ${most}`
}
