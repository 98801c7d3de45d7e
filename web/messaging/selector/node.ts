import { type Evaluate, fieldOf, headerOf, type SelectorSubject, type SelectorValue } from './subject.ts'

/** What a part of a selector may come to, as bits. */
export const MAY = { number: 1, text: 2, true: 4, false: 8, unknown: 16 } as const
export const TRUTH: number = MAY.true | MAY.false
export const CONDITION: number = TRUTH | MAY.unknown
export const ANYTHING: number = MAY.number | MAY.text | CONDITION
/** Of what takes a type that its operand need not have: types are those without {@link MAY.unknown}. */
const TYPES = [MAY.number, MAY.text, TRUTH]

/** A part of a selector: how it is evaluated, and what is known of that before there is a message. */
export interface Node {
  readonly evaluate: Evaluate
  readonly may: number
  readonly isConstant: boolean
  /** Where it begins in the selector's text. */
  readonly at: number
}

export function constantNode(value: SelectorValue, at: number): Node {
  return { evaluate: () => value, may: mayOf(value), isConstant: true, at }
}

/** A header may hold anything, a field of the head what it holds. */
export function nodeOfName(name: string, at: number): Node {
  const field = fieldOf(name)
  if (!field) return { evaluate: headerOf(name), may: ANYTHING, isConstant: false, at }
  const may = (field.type === 'number' ? MAY.number : MAY.text) | (field.isOptional ? MAY.unknown : 0)
  return { evaluate: field.read, may, isConstant: false, at }
}

/** A part that is made of others: folded to its value when all of them are constant. */
export function nodeOf(evaluate: Evaluate, may: number, ...parts: readonly [Node, ...Node[]]): Node {
  const { at } = parts[0]
  if (parts.every(({ isConstant }) => isConstant)) return constantNode(evaluate(NOBODY), at)
  return { evaluate, may, isConstant: false, at }
}

/** True when whatever it comes to is of none of these types, or not known. */
export function isNever(node: Node, types: number): boolean {
  return (node.may & types) === 0 && (node.may & ~MAY.unknown) !== 0
}

/** True when both come to something, and never to the same type. */
export function areUnlike(a: Node, b: Node): boolean {
  return typesOf(a) !== 0 && typesOf(b) !== 0 && (typesOf(a) & typesOf(b)) === 0
}

/** What a comparison of the two may come to: false where their types may differ, not known where one of them may be. */
export function mayCompare(a: Node, b: Node): number {
  const isSame = (typesOf(a) & typesOf(b)) !== 0
  const isEmpty = typesOf(a) === 0 || typesOf(b) === 0
  return (isEmpty ? 0 : MAY.false) | (isSame ? MAY.true : 0) | ((a.may | b.may) & MAY.unknown)
}

/** `unknown` stays, true and false change places. */
export function mayNot(may: number): number {
  return (
    (may & MAY.true ? MAY.false : 0) | (may & MAY.false ? MAY.true : 0) | (may & ~TRUTH ? MAY.unknown : 0)
  )
}

export function mayAnd(a: Node, b: Node): number {
  const isTrue = a.may & b.may & MAY.true
  return isTrue | ((a.may | b.may) & MAY.false) | mayBeUnknown(a, b)
}

export function mayOr(a: Node, b: Node): number {
  const isFalse = a.may & b.may & MAY.false
  return isFalse | ((a.may | b.may) & MAY.true) | mayBeUnknown(a, b)
}

export function typeText(node: Node): string {
  const types = typesOf(node)
  return types === MAY.number ? 'a number' : types === MAY.text ? 'a text' : 'a condition'
}

function mayBeUnknown(a: Node, b: Node): number {
  return (a.may | b.may) & ~TRUTH ? MAY.unknown : 0
}

function typesOf({ may }: Node): number {
  return TYPES.reduce((types, type) => types | (may & type ? type : 0), 0)
}

function mayOf(value: SelectorValue): number {
  if (value === undefined) return MAY.unknown
  if (typeof value === 'boolean') return value ? MAY.true : MAY.false
  return typeof value === 'number' ? MAY.number : MAY.text
}

/** What constants are evaluated on: they do not look at it. */
export const NOBODY: SelectorSubject = {
  id: '',
  correlationId: undefined,
  headers: {},
  priority: 0,
  expiresAt: 0,
  isDurable: false,
  sentAt: 0,
  size: 0,
  from: '',
  address: '',
  group: undefined,
}
