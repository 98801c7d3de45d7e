import { Builder } from './builder.ts'
import { SelectorError } from './error.ts'
import { likeMatcher } from './like.ts'
import { constantNode, type Node, nodeOfName } from './node.ts'
import type { Order, Sum } from './operators.ts'
import type { Evaluate } from './subject.ts'
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
  readonly #build: Builder
  #at = 0
  #depth = 0

  /** Throws a {@link SelectorError}. */
  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
    this.#build = new Builder(text)
  }

  parse(): Evaluate {
    const whole = this.#or()
    if (this.#token.kind !== 'end') throw this.#expected('AND, OR or the end')
    return this.#build.whole(whole).evaluate
  }

  #or(): Node {
    let left = this.#and()
    while (this.#takes('OR')) left = this.#build.or(left, this.#and())
    return left
  }

  #and(): Node {
    let left = this.#equality()
    while (this.#takes('AND')) left = this.#build.and(left, this.#equality())
    return left
  }

  #equality(): Node {
    let left = this.#comparison()
    for (;;) {
      if (this.#takesSign('=')) left = this.#build.equal(left, this.#comparison())
      else if (this.#takesSign('<>')) left = this.#build.not(this.#build.equal(left, this.#comparison()))
      else if (this.#takes('IS')) {
        const isNegated = this.#takes('NOT')
        if (!this.#takes('NULL')) throw this.#expected(isNegated ? 'NULL' : 'NULL or NOT NULL')
        left = isNegated ? this.#build.not(this.#build.isNull(left)) : this.#build.isNull(left)
      } else return left
    }
  }

  #comparison(): Node {
    let left = this.#sum()
    for (;;) {
      const order = this.#takesSign('<=', '>=', '<', '>')
      if (order) {
        left = this.#build.ordered(order as Order, left, this.#sum())
        continue
      }
      const isNegated = this.#isNegated() && this.#takes('NOT')
      const test = this.#test(left)
      if (!test) return left
      left = isNegated ? this.#build.not(test) : test
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

  #test(operand: Node): Node | undefined {
    if (this.#takes('LIKE')) return this.#build.like(operand, this.#pattern())
    if (this.#takes('BETWEEN')) {
      const low = this.#sum()
      if (!this.#takes('AND')) throw this.#expected('AND')
      return this.#build.between(operand, low, this.#sum())
    }
    return this.#takes('IN') ? this.#build.isIn(operand, this.#list()) : undefined
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

  #sum(): Node {
    let left = this.#product()
    for (let sign = this.#takesSign('+', '-'); sign; sign = this.#takesSign('+', '-'))
      left = this.#build.arithmetic(sign as Sum, left, this.#product())
    return left
  }

  #product(): Node {
    let left = this.#unary()
    for (let sign = this.#takesSign('*', '/', '%'); sign; sign = this.#takesSign('*', '/', '%'))
      left = this.#build.arithmetic(sign as Sum, left, this.#unary())
    return left
  }

  #unary(): Node {
    if (++this.#depth > MAX_DEPTH)
      throw new SelectorError(this.#text, this.#token.at, `it is nested deeper than ${MAX_DEPTH}`)
    try {
      if (this.#takesSign('-')) return this.#build.negative(this.#unary())
      if (this.#takesSign('+')) return this.#build.positive(this.#unary())
      if (this.#takes('NOT')) return this.#build.not(this.#unary())
      return this.#primary()
    } finally {
      this.#depth--
    }
  }

  #primary(): Node {
    const token = this.#token
    if (token.kind === 'operator' && token.sign === '(') {
      this.#at++
      const inner = this.#or()
      if (!this.#takesSign(')')) throw this.#expected('“)”')
      return inner
    }
    const value = nodeOfToken(token)
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

function nodeOfToken(token: Token): Node | undefined {
  const { at } = token
  if (token.kind === 'name') return nodeOfName(token.name, at)
  if (token.kind === 'text') return constantNode(token.text, at)
  if (token.kind === 'number') return constantNode(token.number, at)
  if (token.kind !== 'keyword') return undefined
  if (token.word === 'TRUE') return constantNode(true, at)
  if (token.word === 'FALSE') return constantNode(false, at)
  return token.word === 'NULL' ? constantNode(undefined, at) : undefined
}
