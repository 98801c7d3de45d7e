import type { Evaluate, SelectorValue } from './subject.ts'

/** SQL's three truths: true, false, and `undefined` for not known. */
type Truth = boolean | undefined

/** What is no truth is not known, so that it never matches, negated or not. */
function truth(value: SelectorValue): Truth {
  return typeof value === 'boolean' ? value : undefined
}

export function and(left: Evaluate, right: Evaluate): Evaluate {
  return (subject) => {
    const a = truth(left(subject))
    if (a === false) return false
    const b = truth(right(subject))
    return b === false ? false : a === undefined ? undefined : b
  }
}

export function or(left: Evaluate, right: Evaluate): Evaluate {
  return (subject) => {
    const a = truth(left(subject))
    if (a === true) return true
    const b = truth(right(subject))
    return b === true ? true : a === undefined ? undefined : b
  }
}

export function not(operand: Evaluate): Evaluate {
  return (subject) => {
    const value = truth(operand(subject))
    return value === undefined ? undefined : !value
  }
}

/** Values of different types are not equal; with NULL it is not known. */
export function equal(left: Evaluate, right: Evaluate): Evaluate {
  return (subject) => {
    const a = left(subject)
    if (a === undefined) return undefined
    const b = right(subject)
    return b === undefined ? undefined : a === b
  }
}

const ORDERS = {
  '<': (a: string | number, b: string | number) => a < b,
  '<=': (a: string | number, b: string | number) => a <= b,
  '>': (a: string | number, b: string | number) => a > b,
  '>=': (a: string | number, b: string | number) => a >= b,
} as const

export type Order = keyof typeof ORDERS

/**
 * Of numbers between numbers, or texts between texts. Of another type than its bounds it is not known, so that NOT BETWEEN
 * does not find it either.
 */
export function between(operand: Evaluate, low: Evaluate, high: Evaluate): Evaluate {
  return (subject) => {
    const value = operand(subject)
    const least = low(subject)
    const most = high(subject)
    if (typeof value === 'boolean' || isUnlike(least, value) || isUnlike(most, value)) return undefined
    if (value === undefined) return undefined
    const isBelow = least !== undefined && !(value >= least)
    if (isBelow || (most !== undefined && !(value <= most))) return false
    return least === undefined || most === undefined ? undefined : true
  }
}

function isUnlike(bound: SelectorValue, value: SelectorValue): boolean {
  return bound !== undefined && typeof bound !== typeof value
}

/** Numbers with numbers, texts with texts (by code unit); anything else is false. */
export function ordered(sign: Order, left: Evaluate, right: Evaluate): Evaluate {
  const holds = ORDERS[sign]
  return (subject) => {
    const a = left(subject)
    const b = right(subject)
    if (a === undefined || b === undefined) return undefined
    if (typeof a === 'boolean' || typeof b === 'boolean' || typeof a !== typeof b) return false
    return holds(a, b)
  }
}

export function isNull(operand: Evaluate): Evaluate {
  return (subject) => operand(subject) === undefined
}

/** Of a text only: what is no text is not known, with NOT LIKE as well. */
export function like(operand: Evaluate, matches: (text: string) => boolean): Evaluate {
  return (subject) => {
    const value = operand(subject)
    return typeof value === 'string' ? matches(value) : undefined
  }
}

/** As {@link like}. */
export function isIn(operand: Evaluate, texts: ReadonlySet<string>): Evaluate {
  return (subject) => {
    const value = operand(subject)
    return typeof value === 'string' ? texts.has(value) : undefined
  }
}

const SUMS = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b,
} as const

export type Sum = keyof typeof SUMS

/** On numbers (all are doubles); `+` with a text joins. What has no result, such as a division by zero, is not known. */
export function arithmetic(sign: Sum, left: Evaluate, right: Evaluate): Evaluate {
  const calculate = SUMS[sign]
  return (subject) => {
    const a = left(subject)
    const b = right(subject)
    if (a === undefined || b === undefined) return undefined
    if (sign === '+' && typeof a === 'string') return a + String(b)
    if (typeof a !== 'number' || typeof b !== 'number') return undefined
    return finite(calculate(a, b))
  }
}

export function negative(operand: Evaluate): Evaluate {
  return (subject) => {
    const value = operand(subject)
    return typeof value === 'number' ? -value : undefined
  }
}

/** A plus sign changes nothing, and makes no number of what is none. */
export function positive(operand: Evaluate): Evaluate {
  return (subject) => {
    const value = operand(subject)
    return typeof value === 'number' ? value : undefined
  }
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
