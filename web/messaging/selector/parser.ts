import { SelectorError } from './error.ts'
import { likeMatcher } from './like.ts'
import {
  and,
  arithmetic,
  equal,
  isIn,
  isNull,
  like,
  negative,
  not,
  type Order,
  or,
  ordered,
  positive,
  type Sum,
} from './operators.ts'
import { type Evaluate, readerOf } from './subject.ts'
import { type Keyword, nameOf, type Operator, type Token, tokensOf } from './tokens.ts'

/** Parentheses, signs and NOTs inside each other. */
export const MAX_DEPTH = 64
const MAX_LIST = 256

/**
 * Recursive descent over Artemis' grammar (its StrictParser): OR, AND, equality, comparison, sums, products, signs. Each
 * rule gives the function that evaluates it, so a selector is compiled by being read.
 */
export class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  /** Throws a {@link SelectorError}. */
  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  parse(): Evaluate {
    const whole = this.#or()
    if (this.#token.kind !== 'end') throw this.#expected('AND, OR or the end')
    return whole
  }

  #or(): Evaluate {
    let left = this.#and()
    while (this.#takes('OR')) left = or(left, this.#and())
    return left
  }

  #and(): Evaluate {
    let left = this.#equality()
    while (this.#takes('AND')) left = and(left, this.#equality())
    return left
  }

  #equality(): Evaluate {
    let left = this.#comparison()
    for (;;) {
      if (this.#takesSign('=')) left = equal(left, this.#comparison())
      else if (this.#takesSign('<>')) left = not(equal(left, this.#comparison()))
      else if (this.#takes('IS')) {
        const isNegated = this.#takes('NOT')
        if (!this.#takes('NULL')) throw this.#expected(isNegated ? 'NULL' : 'NULL or NOT NULL')
        left = isNegated ? not(isNull(left)) : isNull(left)
      } else return left
    }
  }

  #comparison(): Evaluate {
    let left = this.#sum()
    for (;;) {
      const order = this.#takesSign('<=', '>=', '<', '>')
      if (order) {
        left = ordered(order as Order, left, this.#sum())
        continue
      }
      const isNegated = this.#isNegated() && this.#takes('NOT')
      const test = this.#test(left)
      if (!test) return left
      left = isNegated ? not(test) : test
    }
  }

  /** A NOT that belongs to what follows, as in `NOT LIKE`. */
  #isNegated(): boolean {
    const next = this.#tokens[this.#at + 1]
    if (this.#token.kind !== 'keyword' || this.#token.word !== 'NOT') return false
    if (next?.kind === 'keyword' && (next.word === 'LIKE' || next.word === 'BETWEEN' || next.word === 'IN'))
      return true
    this.#at++
    throw this.#expected('LIKE, BETWEEN or IN')
  }

  #test(operand: Evaluate): Evaluate | undefined {
    if (this.#takes('LIKE')) return like(operand, this.#pattern())
    if (this.#takes('BETWEEN')) {
      const low = this.#sum()
      if (!this.#takes('AND')) throw this.#expected('AND')
      return and(ordered('>=', operand, low), ordered('<=', operand, this.#sum()))
    }
    return this.#takes('IN') ? isIn(operand, this.#list()) : undefined
  }

  #pattern(): (text: string) => boolean {
    const pattern = this.#takeText()
    if (!this.#takes('ESCAPE')) return likeMatcher(pattern, undefined)
    const { at } = this.#token
    const escapeWith = this.#takeText()
    if ([...escapeWith].length !== 1) throw new SelectorError(this.#text, at, 'ESCAPE takes one character')
    return likeMatcher(pattern, escapeWith)
  }

  #list(): ReadonlySet<string> {
    if (!this.#takesSign('(')) throw this.#expected('“(”')
    const texts = new Set<string>([this.#takeText()])
    while (this.#takesSign(',')) {
      if (texts.size >= MAX_LIST)
        throw new SelectorError(this.#text, this.#token.at, `IN takes at most ${MAX_LIST} texts`)
      texts.add(this.#takeText())
    }
    if (!this.#takesSign(')')) throw this.#expected('“,” or “)”')
    return texts
  }

  #sum(): Evaluate {
    let left = this.#product()
    for (let sign = this.#takesSign('+', '-'); sign; sign = this.#takesSign('+', '-'))
      left = arithmetic(sign as Sum, left, this.#product())
    return left
  }

  #product(): Evaluate {
    let left = this.#unary()
    for (let sign = this.#takesSign('*', '/', '%'); sign; sign = this.#takesSign('*', '/', '%'))
      left = arithmetic(sign as Sum, left, this.#unary())
    return left
  }

  #unary(): Evaluate {
    if (++this.#depth > MAX_DEPTH)
      throw new SelectorError(this.#text, this.#token.at, `it is nested deeper than ${MAX_DEPTH}`)
    try {
      if (this.#takesSign('-')) return negative(this.#unary())
      if (this.#takesSign('+')) return positive(this.#unary())
      if (this.#takes('NOT')) return not(this.#unary())
      return this.#primary()
    } finally {
      this.#depth--
    }
  }

  #primary(): Evaluate {
    const token = this.#token
    if (token.kind === 'operator' && token.sign === '(') {
      this.#at++
      const inner = this.#or()
      if (!this.#takesSign(')')) throw this.#expected('“)”')
      return inner
    }
    const value = constantOf(token)
    if (!value) throw this.#expected('a name, a text, a number, TRUE, FALSE, NULL or “(”')
    this.#at++
    return value
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token
  }

  #takes(word: Keyword): boolean {
    const token = this.#token
    if (token.kind !== 'keyword' || token.word !== word) return false
    this.#at++
    return true
  }

  #takesSign(...signs: Operator[]): Operator | undefined {
    const token = this.#token
    if (token.kind !== 'operator' || !signs.includes(token.sign)) return undefined
    this.#at++
    return token.sign
  }

  #takeText(): string {
    const token = this.#token
    if (token.kind !== 'text') throw this.#expected('a text in single quotes')
    this.#at++
    return token.text
  }

  #expected(what: string): SelectorError {
    return new SelectorError(
      this.#text,
      this.#token.at,
      `${nameOf(this.#token)} stands where ${what} should be`,
    )
  }
}

function constantOf(token: Token): Evaluate | undefined {
  if (token.kind === 'name') return readerOf(token.name)
  if (token.kind === 'text') return () => token.text
  if (token.kind === 'number') return () => token.number
  if (token.kind !== 'keyword') return undefined
  if (token.word === 'TRUE') return () => true
  if (token.word === 'FALSE') return () => false
  return token.word === 'NULL' ? () => undefined : undefined
}
