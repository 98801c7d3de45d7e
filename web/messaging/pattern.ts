import { MessagingError } from './errors.ts'

/** Words of a name or pattern. A pattern's states fit one 32-bit number. */
export const MAX_WORDS = 30
/** Characters of a name or pattern. */
export const MAX_NAME_LENGTH = 255
const WORD = /^[^\s.*#\p{C}]{1,64}$/u
/** What is put before a name for a queue that stands behind it: of dead letters, expired ones, a subscription, what is retained. */
const DERIVED = /^(?:(?:DLQ|EXP)\.)?(?:(?:SUB|RET)\.)?/u

/**
 * Words split by '.', each of 1 to 64 characters without spaces, `*`, `#` and control characters. A queue that stands behind a
 * name has one, however long that is: its `DLQ.`, `EXP.`, `SUB.` and `RET.` do not count.
 */
export function isTopicName(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const name = value.replace(DERIVED, '')
  return isBounded(name) && hasWords(name.split('.'), (word) => WORD.test(word))
}

/** A name in which a word may be `*` (any one word) or `#` (zero or more words). */
export function isPattern(value: unknown): value is string {
  return (
    isBounded(value) && hasWords(value.split('.'), (word) => word === '*' || word === '#' || WORD.test(word))
  )
}

export function isWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('#')
}

/** Its first word begins with `$`: a pattern whose first word is a wildcard does not match it. */
export function isAside(name: string): boolean {
  return name.startsWith('$')
}

export function checkTopicName(name: string): void {
  if (!isTopicName(name)) throw badName(name, 'without wildcards')
}

export function checkPattern(pattern: string): void {
  if (!isPattern(pattern)) throw badName(pattern, 'each a word, * or #')
}

/**
 * Says whether a name fits a pattern in one pass over the name's words: the positions of the pattern that the words so
 * far can have reached are the bits of one number (Shift-And, Baeza-Yates and Gonnet 1992, on words).
 */
export class Matcher {
  readonly #literals = new Map<string, number>()
  #ones = 0
  #manys = 0
  readonly #start: number
  readonly #accept: number
  readonly #isWild: boolean

  constructor(pattern: string) {
    // `#.#` says what `#` says; with one of them alone a single shift follows every way of matching no word.
    const words = pattern.split('.').filter((word, at, all) => word !== '#' || all[at - 1] !== '#')
    words.forEach((word, at) => {
      const bit = 1 << at
      if (word === '*') this.#ones |= bit
      else if (word === '#') this.#manys |= bit
      else this.#literals.set(word, (this.#literals.get(word) ?? 0) | bit)
    })
    this.#accept = 1 << words.length
    this.#isWild = isWildcard(words[0] as string)
    this.#start = this.#skipping(1)
  }

  matches(name: string): boolean {
    // As in MQTT: what a room says about itself is not what somebody means who asks for everything.
    if (this.#isWild && isAside(name)) return false
    let reached = this.#start
    for (const word of name.split('.')) {
      const next = ((reached & (this.#ones | (this.#literals.get(word) ?? 0))) << 1) | (reached & this.#manys)
      reached = this.#skipping(next)
      if (reached === 0) return false
    }
    return (reached & this.#accept) !== 0
  }

  #skipping(reached: number): number {
    return reached | ((reached & this.#manys) << 1)
  }
}

function isBounded(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH && value.isWellFormed()
  )
}

function hasWords(words: readonly string[], isWord: (word: string) => boolean): boolean {
  return words.length <= MAX_WORDS && words.every(isWord)
}

function badName(name: unknown, kind: string): MessagingError {
  const rule = `1 to ${MAX_WORDS} words of 1 to 64 characters with a '.' between them, ${kind}`
  return new MessagingError('bad-name', `${JSON.stringify(name)?.slice(0, 80)} cannot be a name: use ${rule}`)
}
