/** From here on integers are rounded by a JavaScript number. */
const LARGEST_EXACT = 2 ** 53
/** Digits that a number may not hold, and digits of an exponent that may be too large for one. */
const LONG_INTEGER = 16
const LONG_EXPONENT = 3
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y
const ESCAPES =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g
const PAIR_LENGTH = 12

/** What could not be kept as JSON has it. */
export interface JsonChanges {
  numbers: number
  characters: number
}

/** Cheap: false for text in which every value is what `JSON.parse` makes of it. */
export function mayLoseValues(text: string): boolean {
  return text.includes('\\ud') || text.includes('\\uD') || hasLongNumber(text)
}

/** Looks at each third character, which no run of digits of that length can escape. */
function hasLongNumber(text: string): boolean {
  for (let at = LONG_EXPONENT - 1; at < text.length; at += LONG_EXPONENT) {
    if (!isDigit(text, at)) continue
    let start = at
    while (isDigit(text, start - 1)) start--
    while (isDigit(text, at + 1)) at++
    const length = at - start + 1
    const before = text[start - 1]
    if (length >= LONG_INTEGER && before !== '.') return true
    const sign = before === '+' ? text[start - 2] : before
    if (length >= LONG_EXPONENT && (sign === 'e' || sign === 'E')) return true
  }
  return false
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

/** Only what JSON itself calls white space. */
export function isBlankLine(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return false
  }
  return true
}

/**
 * As `JSON.parse`, but an integer that a number would round (2^53 and beyond) and a number that would be infinite stay the
 * text that is in the file, and half a character becomes U+FFFD, since no text that travels can hold one.
 */
export function jsonValue(line: string, changes?: JsonChanges): unknown {
  const value: unknown = JSON.parse(line)
  if (!mayLoseValues(line)) return value
  let kept = ''
  let from = 0
  for (let at = 0; at < line.length; ) {
    const end = tokenEnd(line, at)
    const token = line.slice(at, end)
    const isText = token.startsWith('"')
    const other = isText ? wholeCharacters(token) : exactNumber(token)
    if (other !== token) {
      if (changes) changes[isText ? 'characters' : 'numbers']++
      kept += line.slice(from, at) + other
      from = end
    }
    at = end
  }
  return from === 0 ? value : JSON.parse(kept + line.slice(from))
}

/** Behind the string, number or other character there. No pattern for strings: one of millions of escapes would be too deep. */
function tokenEnd(line: string, at: number): number {
  if (line[at] === '"') return stringEnd(line, at)
  if (line[at] !== '-' && !isDigit(line, at)) return at + 1
  NUMBER.lastIndex = at
  return NUMBER.test(line) ? NUMBER.lastIndex : at + 1
}

function stringEnd(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let backslashes = 0
    while (line[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at + 1
  }
  return line.length
}

function exactNumber(token: string): string {
  if (!isDigit(token, token.length - 1)) return token
  const value = Math.abs(Number(token))
  const isInteger = /^-?\d+$/.test(token)
  return value === Number.POSITIVE_INFINITY || (isInteger && value >= LARGEST_EXACT) ? `"${token}"` : token
}

function wholeCharacters(token: string): string {
  if (!token.includes('\\ud') && !token.includes('\\uD')) return token
  return token.replace(ESCAPES, (found) => {
    const isHalf = found.length < PAIR_LENGTH && /^\\u[dD][89a-fA-F]/.test(found)
    return isHalf ? '\\ufffd' : found
  })
}
