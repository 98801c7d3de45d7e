import { describe, expect, test } from 'vitest'
import { createSeededRandom, randomBelow } from '../../../web/base/index.ts'
import {
  compileSelector,
  SelectorError,
  type SelectorSubject,
} from '../../../web/messaging/selector/index.ts'

const CASES = 30_000

/** A selector as a tree, and what it should give: written down once more, as plainly as can be. */
type Tree =
  | readonly ['value', string | number | boolean | null]
  | readonly ['name', string]
  | readonly ['and' | 'or' | '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%', Tree, Tree]
  | readonly ['not' | 'negative' | 'positive' | 'isNull' | 'isNotNull', Tree]
  | readonly ['like' | 'notLike', Tree, string, string]
  | readonly ['between' | 'notBetween', Tree, Tree, Tree]
  | readonly ['in' | 'notIn', Tree, readonly string[]]

type Value = string | number | boolean | null

/** null is NULL. */
function reference(tree: Tree, headers: Readonly<Record<string, Value>>): Value {
  const of = (part: Tree) => reference(part, headers)
  switch (tree[0]) {
    case 'value':
      return tree[1]
    case 'name':
      return headers[tree[1]] ?? null
    case 'and': {
      const [a, b] = [bool(of(tree[1])), bool(of(tree[2]))]
      if (a === false || b === false) return false
      return a === null || b === null ? null : true
    }
    case 'or': {
      const [a, b] = [bool(of(tree[1])), bool(of(tree[2]))]
      if (a === true || b === true) return true
      return a === null || b === null ? null : false
    }
    case 'not':
      return negate(bool(of(tree[1])))
    case '=':
      return equals(of(tree[1]), of(tree[2]))
    case '<>':
      return negate(equals(of(tree[1]), of(tree[2])))
    case '<':
    case '<=':
    case '>':
    case '>=':
      return order(tree[0], of(tree[1]), of(tree[2]))
    case 'isNull':
      return of(tree[1]) === null
    case 'isNotNull':
      return of(tree[1]) !== null
    case 'negative':
    case 'positive': {
      const value = of(tree[1])
      return typeof value !== 'number' ? null : tree[0] === 'negative' ? -value : value
    }
    case 'like':
      return likes(of(tree[1]), tree[2], tree[3])
    case 'notLike':
      return negate(likes(of(tree[1]), tree[2], tree[3]))
    case 'between':
      return between(of(tree[1]), of(tree[2]), of(tree[3]))
    case 'notBetween':
      return negate(between(of(tree[1]), of(tree[2]), of(tree[3])))
    case 'in':
      return within(of(tree[1]), tree[2])
    case 'notIn':
      return negate(within(of(tree[1]), tree[2]))
    default:
      return sum(tree[0], of(tree[1]), of(tree[2]))
  }
}

function bool(value: Value): boolean | null {
  return typeof value === 'boolean' ? value : null
}

function negate(value: boolean | null): boolean | null {
  return value === null ? null : !value
}

function equals(a: Value, b: Value): boolean | null {
  return a === null || b === null ? null : a === b
}

function order(sign: string, a: Value, b: Value): boolean | null {
  if (a === null || b === null) return null
  const areNumbers = typeof a === 'number' && typeof b === 'number'
  const areTexts = typeof a === 'string' && typeof b === 'string'
  if (!areNumbers && !areTexts) return false
  if (sign === '<') return a < b
  if (sign === '<=') return a <= b
  return sign === '>' ? a > b : a >= b
}

function between(value: Value, low: Value, high: Value): boolean | null {
  const isOther = (bound: Value) => bound !== null && typeof bound !== typeof value
  if (value === null || typeof value === 'boolean' || isOther(low) || isOther(high)) return null
  const [a, b] = [order('>=', value, low), order('<=', value, high)]
  if (a === false || b === false) return false
  return a === null || b === null ? null : true
}

function within(value: Value, texts: readonly string[]): boolean | null {
  return typeof value === 'string' ? texts.includes(value) : null
}

/** By definition: the pattern's first place against the text's first character, then the rest. */
function likes(value: Value, pattern: string, escapeWith: string): boolean | null {
  if (typeof value !== 'string') return null
  const fits = (at: number, from: number): boolean => {
    if (at >= pattern.length) return from === value.length
    const [here, next] = [pattern[at], pattern[at + 1]]
    if (escapeWith !== '' && here === escapeWith && (next === '%' || next === '_' || next === escapeWith))
      return value[from] === next && fits(at + 2, from + 1)
    if (here === '%') return fits(at + 1, from) || (from < value.length && fits(at, from + 1))
    return from < value.length && (here === '_' || here === value[from]) && fits(at + 1, from + 1)
  }
  return fits(0, 0)
}

function sum(sign: string, a: Value, b: Value): Value {
  if (a === null || b === null) return null
  if (sign === '+' && typeof a === 'string') return `${a}${b}`
  if (typeof a !== 'number' || typeof b !== 'number') return null
  const result = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b }[sign] as number
  return Number.isFinite(result) ? result : null
}

const NAMES = ['a', 'b', 'flag', 'text', '$x', 'missing'] as const
const WORDS = ['', 'a', 'ab', 'b%', 'a_b', "o'h", '10'] as const

class Generator {
  readonly #random: ReturnType<typeof createSeededRandom>

  constructor(seed: number) {
    this.#random = createSeededRandom(seed)
  }

  pick<T>(all: readonly T[]): T {
    return all[randomBelow(this.#random, all.length)] as T
  }

  tree(depth: number): Tree {
    if (depth === 0) return this.#leaf()
    const inner = () => this.tree(depth - 1)
    switch (randomBelow(this.#random, 9)) {
      case 0:
        return this.#leaf()
      case 1:
      case 2:
        return [this.pick(['and', 'or'] as const), inner(), inner()]
      case 3:
        return [this.pick(['=', '<>', '<', '<=', '>', '>='] as const), inner(), inner()]
      case 4:
        return [this.pick(['+', '-', '*', '/', '%'] as const), inner(), inner()]
      case 5:
        return [this.pick(['not', 'negative', 'positive', 'isNull', 'isNotNull'] as const), inner()]
      case 6:
        return [this.pick(['like', 'notLike'] as const), inner(), this.pattern(), this.pick(['', '!', '%'])]
      case 7:
        return [this.pick(['between', 'notBetween'] as const), inner(), inner(), inner()]
      default:
        return [this.pick(['in', 'notIn'] as const), inner(), [this.pick(WORDS), this.pick(WORDS)]]
    }
  }

  pattern(): string {
    return Array.from({ length: randomBelow(this.#random, 5) }, () =>
      this.pick(['a', 'b', '%', '_', '!', "'"]),
    ).join('')
  }

  headers(): Record<string, string | number | boolean> {
    const headers: Record<string, string | number | boolean> = {}
    for (const name of NAMES.slice(0, -1)) {
      const value = this.pick([undefined, 0, 1, -2.5, 10, true, false, ...WORDS] as const)
      if (value !== undefined) headers[name] = value
    }
    return headers
  }

  /** The tree as text, in parentheses everywhere, with spaces, remarks and letters of either case strewn in. */
  text(tree: Tree): string {
    const t = (part: Tree) => this.text(part)
    const k = (word: string) => `${this.#gap()}${this.pick([word, word.toLowerCase()])}${this.#gap()}`
    switch (tree[0]) {
      case 'value':
        return this.#literal(tree[1])
      case 'name':
        return tree[1]
      case 'and':
      case 'or':
        return `(${t(tree[1])}${k(tree[0].toUpperCase())}${t(tree[2])})`
      case 'not':
        return `(${k('NOT')}${t(tree[1])})`
      case 'negative':
        return `(- ${t(tree[1])})`
      case 'positive':
        return `(+ ${t(tree[1])})`
      case 'isNull':
        return `(${t(tree[1])}${k('IS')}${k('NULL')})`
      case 'isNotNull':
        return `(${t(tree[1])}${k('IS')}${k('NOT')}${k('NULL')})`
      case 'like':
      case 'notLike': {
        const negated = tree[0] === 'notLike' ? k('NOT') : ''
        const escaping = tree[3] === '' ? '' : `${k('ESCAPE')}${this.#literal(tree[3])}`
        return `(${t(tree[1])}${negated}${k('LIKE')}${this.#literal(tree[2])}${escaping})`
      }
      case 'between':
      case 'notBetween': {
        const negated = tree[0] === 'notBetween' ? k('NOT') : ''
        return `(${t(tree[1])}${negated}${k('BETWEEN')}${t(tree[2])}${k('AND')}${t(tree[3])})`
      }
      case 'in':
      case 'notIn': {
        const negated = tree[0] === 'notIn' ? k('NOT') : ''
        return `(${t(tree[1])}${negated}${k('IN')}(${tree[2].map((word) => this.#literal(word)).join(' , ')}))`
      }
      default:
        return `(${t(tree[1])} ${tree[0]} ${t(tree[2])})`
    }
  }

  #gap(): string {
    return this.pick([' ', '  ', '\n', '\t', ' /* x */ ', ' -- y\n'])
  }

  #leaf(): Tree {
    if (randomBelow(this.#random, 4) > 0) return ['name', this.pick(NAMES)]
    return ['value', this.pick([null, true, false, 0, 1, 10, 2.5, ...WORDS] as const)]
  }

  #literal(value: Value): string {
    if (value === null) return 'NULL'
    return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
  }
}

function compiled(text: string): ReturnType<typeof compileSelector> | SelectorError {
  try {
    return compileSelector(text)
  } catch (error) {
    if (error instanceof SelectorError) return error
    throw error
  }
}

const HEAD = {
  id: 'p/s/1',
  correlationId: undefined,
  priority: 4,
  expiresAt: 0,
  isDurable: true,
  sentAt: 0,
  size: 0,
  from: 'p',
  address: 'q',
  group: undefined,
}

describe('selectors by the thousand', () => {
  test(`SEL1 SEL2 ${CASES} random ones agree with a plain evaluator`, () => {
    const generator = new Generator(1)
    let matched = 0
    let refused = 0
    let never = 0
    for (let n = 0; n < CASES; n++) {
      const tree = generator.tree(n % 4)
      const text = generator.text(tree)
      const headers = generator.headers()
      const subject: SelectorSubject = { ...HEAD, headers }
      const wanted = reference(tree, headers) === true
      if (wanted) matched++
      const selector = compiled(text)
      if (selector instanceof SelectorError) {
        refused++
        // A place of the wrong type is a mistake, whatever the whole comes to.
        if (!selector.message.includes('never be true')) continue
        never++
        if (wanted) expect({ text, headers }).toBe('refused, and true')
        for (let more = 0; more < 20; more++) {
          const others = generator.headers()
          if (reference(tree, others) === true) expect({ text, others }).toBe('refused, and true')
        }
        continue
      }
      const got = selector.matches(subject)
      if (got !== wanted) expect({ text, headers, got }).toEqual({ text, headers, got: wanted })
    }
    // A fuzz that never says true would prove nothing.
    expect(matched).toBeGreaterThan(CASES / 20)
    expect(matched).toBeLessThan(CASES / 2)
    expect(never).toBeGreaterThan(CASES / 50)
    expect(refused).toBeGreaterThan(never + CASES / 50)
    expect(refused).toBeLessThan(CASES * 0.7)
  })

  test('SEL7 rubbish is refused with a place in it, and nothing else ever happens', () => {
    const generator = new Generator(2)
    const parts = [
      '(',
      ')',
      "'",
      "''",
      'AND',
      'NOT',
      'a',
      ' ',
      '\n',
      '=',
      '<>',
      '-',
      '--',
      '/*',
      '*/',
      '1',
      '0x',
      '1e',
      ',',
      'IN',
      'LIKE',
      'IS',
      'NULL',
      '😀',
      '\u0000',
      '"',
      ';',
    ]
    let accepted = 0
    for (let n = 0; n < 20_000; n++) {
      const text = Array.from({ length: 1 + (n % 12) }, () => generator.pick(parts)).join('')
      try {
        compileSelector(text)
        accepted++
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error
        const lines = text.split('\n')
        expect(error.line).toBeLessThanOrEqual(lines.length)
        expect(error.column).toBeLessThanOrEqual((lines[error.line - 1] as string).length + 1)
      }
    }
    expect(accepted).toBeGreaterThan(0)
  })
})
