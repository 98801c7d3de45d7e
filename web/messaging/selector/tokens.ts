import { SelectorError } from './error.ts'

const KEYWORDS = [
  'AND',
  'OR',
  'NOT',
  'IS',
  'NULL',
  'LIKE',
  'ESCAPE',
  'BETWEEN',
  'IN',
  'TRUE',
  'FALSE',
] as const
const OPERATORS = ['<>', '<=', '>=', '=', '<', '>', '+', '-', '*', '/', '%', '(', ')', ','] as const

export type Keyword = (typeof KEYWORDS)[number]
export type Operator = (typeof OPERATORS)[number]

export type Token = { readonly at: number } & (
  | { readonly kind: 'keyword'; readonly word: Keyword }
  | { readonly kind: 'operator'; readonly sign: Operator }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'end' }
)

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS)
const SPACE = /(?:\s|--[^\n]*|\/\*[\s\S]*?\*\/)+/y
const NAME = /[A-Za-z_$][A-Za-z0-9_$]*/y
const HEX = /0[xX][0-9a-fA-F]+[lL]?/y
const FLOAT = /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y
const WHOLE = /\d+[lL]?/y
const STRING = /'(?:[^']|'')*'/y
/** A name with any characters, as Artemis has them: `"order-id"`. */
const QUOTED_NAME = /"(?:[^"]|"")*"/y

/** The last one is `end`. Throws a {@link SelectorError}. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  for (let at = skip(text, 0); at < text.length; ) {
    const [token, end] = tokenAt(text, at)
    tokens.push(token)
    at = skip(text, end)
  }
  tokens.push({ kind: 'end', at: text.length })
  return tokens
}

/** What a person calls it, for messages. */
export function nameOf(token: Token): string {
  switch (token.kind) {
    case 'keyword':
      return token.word
    case 'operator':
      return `“${token.sign}”`
    case 'name':
      return `the name ${token.name.slice(0, 40).toWellFormed()}`
    case 'text':
      return 'a text'
    case 'number':
      return 'a number'
    case 'end':
      return 'the end'
  }
}

function skip(text: string, at: number): number {
  const end = match(SPACE, text, at)?.end ?? at
  if (text.startsWith('/*', end)) throw new SelectorError(text, end, 'this comment has no end')
  return end
}

function tokenAt(text: string, at: number): [Token, number] {
  const name = match(NAME, text, at)
  if (name) {
    const word = name.found.toUpperCase()
    if (KEYWORD_SET.has(word)) return [{ kind: 'keyword', word: word as Keyword, at }, name.end]
    return [{ kind: 'name', name: name.found, at }, name.end]
  }
  const string = match(STRING, text, at)
  if (string) return [{ kind: 'text', text: string.found.slice(1, -1).replaceAll("''", "'"), at }, string.end]
  const quoted = match(QUOTED_NAME, text, at)
  if (quoted) return [quotedName(text, quoted.found, at), quoted.end]
  if (text[at] === '"') throw new SelectorError(text, at, 'this name has no closing quote')
  if (text[at] === "'") throw new SelectorError(text, at, 'this text has no closing quote')
  const number = match(HEX, text, at) ?? match(FLOAT, text, at) ?? match(WHOLE, text, at)
  if (number) return [numberToken(text, number.found, at), number.end]
  const sign = OPERATORS.find((operator) => text.startsWith(operator, at))
  if (!sign) throw new SelectorError(text, at, `${JSON.stringify(text[at])} means nothing here`)
  return [{ kind: 'operator', sign, at }, at + sign.length]
}

function quotedName(text: string, found: string, at: number): Token {
  const name = found.slice(1, -1).replaceAll('""', '"')
  if (name === '') throw new SelectorError(text, at, 'this name is empty')
  return { kind: 'name', name, at }
}

function numberToken(text: string, found: string, at: number): Token {
  const digits = found.replace(/[lL]$/, '')
  // Java's literals: a leading zero makes it octal.
  const isOctal = /^0\d+$/.test(digits)
  if (isOctal && /[89]/.test(digits))
    throw new SelectorError(text, at, `${digits} begins like an octal number and is none`)
  const number = isOctal ? Number.parseInt(digits, 8) : Number(digits)
  if (!Number.isFinite(number)) throw new SelectorError(text, at, 'this number is too large')
  return { kind: 'number', number, at }
}

function match(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly found: string; readonly end: number } | undefined {
  pattern.lastIndex = at
  const found = pattern.exec(text)?.[0]
  return found === undefined ? undefined : { found, end: at + found.length }
}
