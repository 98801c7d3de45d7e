/** From here on integers are rounded by a JavaScript number. */
const LARGEST_EXACT = 2 ** 53
/** Digits that a number may not hold, and digits of an exponent that may be too large for one. */
const LONG_INTEGER = 16
const LONG_EXPONENT = 3
const ZERO = 48
const NINE = 57
const QUOTE = 34
const MINUS = 45
const POINT = 46
const COLON = 58
const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => (code >= ZERO && code <= NINE ? 1 : 0))
/** With the digit in front of it, which is rarer than the letter. */
const LARGE_EXPONENT = /\d[eE]\+?\d\d\d/
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y
const ESCAPES =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g
const PAIR_LENGTH = 12

/** What could not be kept as JSON has it. */
export interface JsonChanges {
  numbers: number
  characters: number
}

/**
 * Cheap: false where every value is what `JSON.parse` makes of it. `bytes` are the text's own: each way of looking takes what
 * it is fastest with.
 */
export function mayLoseValues(text: string, bytes: Uint8Array): boolean {
  return hasHalfEscape(text) || LARGE_EXPONENT.test(text) || hasLongInteger(bytes)
}

function hasHalfEscape(text: string): boolean {
  return text.includes('\\ud') || text.includes('\\uD')
}

/** Looks at each 16th byte, which no such run of digits escapes, and first at those that are eight further on each side. */
function hasLongInteger(bytes: Uint8Array): boolean {
  for (let at = LONG_INTEGER - 1; at < bytes.byteLength; at += LONG_INTEGER) {
    const beside = isDigitCode(bytes[at - LONG_INTEGER / 2]) | isDigitCode(bytes[at + LONG_INTEGER / 2])
    if ((isDigitCode(bytes[at]) & beside) === 1 && isInLongInteger(bytes, at)) return true
  }
  return false
}

/** Digits of a fraction are rounded as everywhere, and those that begin a text stay. */
function isInLongInteger(bytes: Uint8Array, at: number): boolean {
  let start = at
  while (isDigitCode(bytes[start - 1]) === 1) start--
  let end = at + 1
  while (isDigitCode(bytes[end]) === 1) end++
  return end - start >= LONG_INTEGER && bytes[start - 1] !== POINT && bytes[start - 1] !== QUOTE
}

/** 1 or 0, without a branch that a processor would have to foretell. */
function isDigitCode(code = 0): number {
  return DIGITS[code] as number
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= ZERO && code <= NINE
}

/** Only what JSON itself calls white space. */
export function isBlankLine(line: string): boolean {
  for (let at = 0; at < line.length; at++) if (!isSpace(line.charCodeAt(at))) return false
  return true
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}

/**
 * As `JSON.parse`, but an integer that a number would round (2^53 and beyond) and a number that would be infinite stay the
 * text that is in the file, and half a character becomes U+FFFD, since no text that travels can hold one.
 */
export function jsonValue(line: string, changes?: JsonChanges): unknown {
  let kept = ''
  let from = 0
  const hasHalves = hasHalfEscape(line)
  for (let at = 0; at < line.length; ) {
    const end = tokenEnd(line, at)
    const isText = line.charCodeAt(at) === QUOTE
    if (isText ? hasHalves : mayBeInexact(line, at, end)) {
      const token = line.slice(at, end)
      const other = isText ? wholeCharacters(token) : exactNumber(token)
      if (other !== token) {
        if (changes) changes[isText ? 'characters' : 'numbers']++
        kept += line.slice(from, at) + other
        from = end
      }
    }
    at = end
  }
  return JSON.parse(from === 0 ? line : kept + line.slice(from))
}

/** What is no JSON stays so: a number with zeros in front, or in the place of a key, is no text. */
function mayBeInexact(line: string, at: number, end: number): boolean {
  if (end - at < LONG_EXPONENT + 2) return false
  const first = line.charCodeAt(at) === MINUS ? at + 1 : at
  if (line.charCodeAt(first) === ZERO && isDigit(line, first + 1)) return false
  let next = end
  while (isSpace(line.charCodeAt(next))) next++
  return line.charCodeAt(next) !== COLON
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
  if (!hasHalfEscape(token)) return token
  return token.replace(ESCAPES, (found) => {
    const isHalf = found.length < PAIR_LENGTH && /^\\u[dD][89a-fA-F]/.test(found)
    return isHalf ? '\\ufffd' : found
  })
}
