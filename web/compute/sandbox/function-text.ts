import type { JobCode } from './port.ts'
import { thunkAround } from './thunk.ts'

/** The wrong kind of text for a function; found before it runs. */
export class FunctionTextError extends Error {}

const SKIP = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/)*/y
/** `import` where it is not the name of a member (`x.import(`); behind a spread it is no member. */
const IMPORT = /(?<![\p{ID_Continue}$#])(?<!(?<!\.\.)\.)import(?![\p{ID_Continue}$])/gu
/** What may stand between two tokens of a script; the comments of HTML too. */
const GAP =
  /(?:\s+|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/|<!--[^\n\r\u2028\u2029]*|-->[^\n\r\u2028\u2029]*)*/y
const PHASE = /source|defer|meta/y
/** Each costs a look at what follows it, which may be the whole text. */
const MAX_IMPORTS = 100
const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy

/** What the first words of a function's source text say of its form. */
export type FunctionForm = 'expression' | 'method'

/**
 * Arrow and function texts are expressions; a text such as `map(record, ctx) { ... }` is a method and stands only
 * inside an object literal. Throws a {@link FunctionTextError} for generators, classes, accessors and anything else.
 */
export function formOf(text: string): FunctionForm {
  const line = lineOfImport(text)
  if (line !== undefined)
    throw new FunctionTextError(
      `import cannot be used (line ${line}): a function sees its arguments and the language`,
    )
  const words = new Head(text)
  if (words.isNext('(')) return 'expression'
  if (words.isNext('[') || words.isNext('"') || words.isNext("'")) return 'method'
  if (words.isNext('*'))
    throw new FunctionTextError('a generator cannot be used: give an ordinary or async function')
  const first = words.takeName()
  if (first === undefined) throw new FunctionTextError('this is not the text of a function')
  if (first === 'class') throw new FunctionTextError('a class cannot be used: give a function')
  if (first === 'function') return formOfFunction(words)
  if (words.isNext('=>')) return 'expression'
  if (first === 'async') return formOfAsync(words)
  if (words.isNext('(')) return 'method'
  throw new FunctionTextError('this is not the text of a function')
}

/**
 * Where `import(...)` stands, or what leads to it: it loads by the page's own process, for as long as it likes. Within a
 * string or a comment too, since only a parser could tell; the bare word is none.
 */
function lineOfImport(text: string): number | undefined {
  let count = 0
  for (const { index } of text.matchAll(IMPORT)) {
    if (loads(text, index + 'import'.length) || ++count > MAX_IMPORTS) return countLines(text.slice(0, index))
  }
  return undefined
}

function loads(text: string, at: number): boolean {
  const next = afterGap(text, at)
  if (text[next] !== '.') return text[next] === '('
  PHASE.lastIndex = afterGap(text, next + 1)
  return PHASE.test(text)
}

function afterGap(text: string, at: number): number {
  GAP.lastIndex = at
  return at + (GAP.exec(text)?.[0].length ?? 0)
}

function formOfFunction(words: Head): FunctionForm {
  if (words.isNext('*'))
    throw new FunctionTextError('a generator cannot be used: give an ordinary or async function')
  return 'expression'
}

function formOfAsync(words: Head): FunctionForm {
  if (words.isNext('(')) return 'expression'
  if (words.isNext('*'))
    throw new FunctionTextError('a generator cannot be used: give an ordinary or async function')
  if (words.isNext('[') || words.isNext('"') || words.isNext("'")) return 'method'
  const second = words.takeName()
  if (second === 'function') return formOfFunction(words)
  if (words.isNext('=>')) return 'expression'
  if (words.isNext('(')) return 'method'
  throw new FunctionTextError('this is not the text of a function')
}

/** Reads the first tokens of a text. */
class Head {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#skip()
  }

  isNext(token: string): boolean {
    return this.#text.startsWith(token, this.#at)
  }

  takeName(): string | undefined {
    NAME.lastIndex = this.#at
    const name = NAME.exec(this.#text)?.[0]
    if (name === undefined) return undefined
    this.#at += name.length
    this.#skip()
    return name
  }

  #skip(): void {
    SKIP.lastIndex = this.#at
    this.#at += SKIP.exec(this.#text)?.[0].length ?? 0
  }
}

export interface JobScript {
  readonly text: string
  /** Which function's text a line of the script belongs to; lines count from 1 in both. */
  locate(line: number): { readonly name: keyof JobCode; readonly line: number } | undefined
}

/**
 * The script that follows the guest's in the worker's blob: it calls `entry` with a thunk for each function.
 *
 * Each text stands twice, in `[...]` that is never run and in `(...)`: a text with a bracket that it did not open would
 * have to close both kinds, so it cannot parse, and cannot declare anything outside its own expression (such as a
 * function named `Map`, hoisted before the guest runs).
 */
export function jobScript(code: JobCode, entry: string): JobScript {
  const starts: { name: keyof JobCode; line: number; lines: number }[] = []
  let text = `${entry}({`
  for (const name of ['map', 'combine', 'reduce'] as const) {
    const source = code[name]
    if (source === undefined) continue
    const isMethod = formOf(source) === 'method'
    const body = source.replace(/[\s;]+$/, '')
    for (const [label, open, close] of [
      [`_${name}`, '[', ']'],
      [name, '(', ')'],
    ] as const) {
      const [before, behind] = thunkAround(isMethod, open, close)
      text += `${label}:${before}`
      starts.push({ name, line: countLines(text), lines: countLines(body) })
      text += `${body}${behind},\n`
    }
  }
  return { text: `${text}});\n`, locate: (line) => locate(starts, line) }
}

function locate(starts: readonly { name: keyof JobCode; line: number; lines: number }[], line: number) {
  const found = starts.findLast((start) => start.line <= line)
  return found && { name: found.name, line: Math.min(line - found.line + 1, found.lines) }
}

function countLines(text: string): number {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).length
}
