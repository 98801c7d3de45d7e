import { SelectorError } from './error.ts'
import {
  areUnlike,
  CONDITION,
  isNever,
  MAY,
  mayAnd,
  mayCompare,
  mayNot,
  mayOr,
  NOBODY,
  type Node,
  nodeOf,
  TRUTH,
  typeText,
} from './node.ts'
import {
  and,
  arithmetic,
  between,
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

const NUMBER_OR_TEXT = MAY.number | MAY.text

/**
 * Puts parts together to a whole. Throws a {@link SelectorError} for what no message can make true: a part of another type
 * than its place takes, and a whole that is false or unknown whatever a header holds.
 */
export class Builder {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  whole(node: Node): Node {
    this.#condition(node)
    if (node.may & MAY.true) return node
    throw this.#refused(node, 'this can never be true')
  }

  and(left: Node, right: Node): Node {
    this.#condition(left)
    this.#condition(right)
    return nodeOf(and(left.evaluate, right.evaluate), mayAnd(left, right), left, right)
  }

  or(left: Node, right: Node): Node {
    this.#condition(left)
    this.#condition(right)
    return nodeOf(or(left.evaluate, right.evaluate), mayOr(left, right), left, right)
  }

  not(operand: Node): Node {
    this.#condition(operand)
    return nodeOf(not(operand.evaluate), mayNot(operand.may), operand)
  }

  /** A condition that is compared is taken as it is, as Artemis does: `NOT a = 1` is `(NOT a) = 1`. */
  equal(left: Node, right: Node): Node {
    const compare = equal(left.evaluate, right.evaluate)
    const isOfCondition = [left, right].some((node) => !node.isConstant && isNever(node, NUMBER_OR_TEXT))
    if (isOfCondition) return nodeOf(compare, CONDITION, left, right)
    this.#alike(left, right)
    return nodeOf(compare, mayCompare(left, right), left, right)
  }

  ordered(sign: Order, left: Node, right: Node): Node {
    this.#comparable(left)
    this.#comparable(right)
    this.#alike(left, right)
    return nodeOf(ordered(sign, left.evaluate, right.evaluate), mayCompare(left, right), left, right)
  }

  between(operand: Node, low: Node, high: Node): Node {
    for (const node of [operand, low, high]) this.#comparable(node)
    this.#alike(operand, low)
    this.#alike(operand, high)
    this.#alike(low, high)
    const isEmpty = this.ordered('<=', low, high).may === MAY.false
    const may =
      (mayCompare(operand, low) | mayCompare(operand, high) | MAY.unknown) & ~(isEmpty ? MAY.true : 0)
    return nodeOf(between(operand.evaluate, low.evaluate, high.evaluate), may, operand, low, high)
  }

  isNull(operand: Node): Node {
    const may = (operand.may & MAY.unknown ? MAY.true : 0) | (operand.may & ~MAY.unknown ? MAY.false : 0)
    return nodeOf(isNull(operand.evaluate), may, operand)
  }

  like(operand: Node, matches: (text: string) => boolean): Node {
    this.#takes(operand, MAY.text, 'LIKE takes a text')
    return nodeOf(like(operand.evaluate, matches), CONDITION & this.#knownOf(operand), operand)
  }

  isIn(operand: Node, texts: ReadonlySet<string>): Node {
    this.#takes(operand, MAY.text, 'IN takes a text')
    return nodeOf(isIn(operand.evaluate, texts), CONDITION & this.#knownOf(operand), operand)
  }

  arithmetic(sign: Sum, left: Node, right: Node): Node {
    const joins = sign === '+' && !isNever(left, MAY.text)
    if (!joins) {
      this.#takes(left, MAY.number, `${sign} takes a number`)
      this.#takes(right, MAY.number, `${sign} takes a number`)
    }
    const mayJoin = sign === '+' && left.may & MAY.text ? MAY.text : 0
    const mayCount = left.may & right.may & MAY.number
    const may = mayJoin | mayCount | MAY.unknown
    // Nothing divided by a zero that is written there is known.
    const isByZero = (sign === '/' || sign === '%') && right.isConstant && right.evaluate(NOBODY) === 0
    return nodeOf(arithmetic(sign, left.evaluate, right.evaluate), isByZero ? MAY.unknown : may, left, right)
  }

  negative(operand: Node): Node {
    this.#takes(operand, MAY.number, '- takes a number')
    return nodeOf(negative(operand.evaluate), (operand.may & MAY.number) | MAY.unknown, operand)
  }

  positive(operand: Node): Node {
    this.#takes(operand, MAY.number, '+ takes a number')
    return nodeOf(positive(operand.evaluate), (operand.may & MAY.number) | MAY.unknown, operand)
  }

  #condition(node: Node): void {
    this.#takes(node, TRUTH, 'a condition should be here')
  }

  #comparable(node: Node): void {
    this.#takes(node, NUMBER_OR_TEXT, 'numbers and texts can be compared, conditions cannot')
  }

  #takes(node: Node, types: number, rule: string): void {
    if (isNever(node, types)) throw this.#refused(node, `${rule}, this is ${typeText(node)}`)
  }

  #alike(left: Node, right: Node): void {
    if (areUnlike(left, right))
      throw this.#refused(right, `${typeText(left)} and ${typeText(right)} are never the same`)
  }

  /** Without {@link MAY.unknown} where the operand is always known and of the right type. */
  #knownOf(operand: Node): number {
    if (operand.may === MAY.unknown) return MAY.unknown
    return operand.may === MAY.text ? TRUTH : CONDITION
  }

  #refused(node: Node, problem: string): SelectorError {
    return new SelectorError(this.#text, node.at, problem)
  }
}
