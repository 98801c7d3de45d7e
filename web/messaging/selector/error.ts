import { TabmeshError } from '../../base/index.ts'

/** A selector that cannot be understood. `column` and `line` count from 1 and point at what was found. */
export class SelectorError extends TabmeshError<'bad-selector'> {
  readonly line: number
  readonly column: number

  constructor(text: string, offset: number, problem: string) {
    const before = text.slice(0, offset).split('\n')
    const line = before.length
    const column = (before.at(-1) as string).length + 1
    const where = line === 1 ? `column ${column}` : `line ${line}, column ${column}`
    super('bad-selector', `The selector is wrong at ${where}: ${problem}.`)
    this.line = line
    this.column = column
  }
}
