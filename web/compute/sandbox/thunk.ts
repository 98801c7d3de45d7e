/** Closes an open comment, breaks an open template or string: what follows is code again, or the text does not parse. */
const FENCE = '\n/*`*/\n'

/** What stands before and behind a function's source text; a method's stands in an object literal. */
export function thunkAround(isMethod: boolean, open: string, close: string): readonly [string, string] {
  return [`()=>${open}${isMethod ? '{' : ''}\n`, `${FENCE}${isMethod ? '}' : ''}${close}`]
}

/**
 * True when the thunk's text is one function and nothing around it: such a function closes over globals alone, so it can
 * keep nothing from call to call but properties of its own.
 */
export function isFunctionAlone(thunk: string, made: string): boolean {
  return [true, false].some((isMethod) => {
    const [before, behind] = thunkAround(isMethod, '(', ')')
    return thunk === `${before}${made}${behind}`
  })
}
