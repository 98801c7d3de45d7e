export interface CsvSigns {
  readonly delimiter: string
  readonly quote: string
  readonly comment: string
}

export interface ReferenceRows {
  readonly rows: string[][]
  readonly strayQuotes: number
  readonly blankLines: number
  readonly comments: number
}

/**
 * The rules of CSV said a second time, by regular expressions over the whole text and with no thought of speed: what the
 * scanner and the parser of the product are compared with.
 */
export function referenceRows(text: string, { delimiter, quote, comment }: CsvSigns): ReferenceRows {
  const found = { rows: [] as string[][], strayQuotes: 0, blankLines: 0, comments: 0 }
  const space = [' ', '\t'].filter((sign) => sign !== delimiter).join('')
  const closed = new RegExp(
    `${quote}((?:[^${quote}]|${quote}${quote})*)${quote}[${space}]*(?=[${delimiter}\r\n]|$)`,
    'y',
  )
  const quotes = new RegExp(`${quote}((?:[^${quote}]|${quote}${quote})*)${quote}(?!${quote})`, 'y')
  const late = new RegExp(`[${space}]+${quote}`, 'y')
  const rest = new RegExp(`[^${delimiter}\r\n]*`, 'y')
  const line = /[^\r\n]*/y
  const lineEnd = /(?:\r\n|\r|\n)?/y
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  const lengthOf = (pattern: RegExp, at: number) => match(pattern, at)?.[0].length ?? 0

  function field(at: number): { value: string; end: number } {
    if (quote === '') return plain(at, at)
    if (text[at] !== quote) {
      if (match(late, at)) found.strayQuotes++
      return plain(at, at)
    }
    const whole = match(closed, at)
    if (whole) return { value: (whole[1] ?? '').split(quote + quote).join(quote), end: at + whole[0].length }
    found.strayQuotes++
    const pair = match(quotes, at)
    return plain(at, pair && !/[\r\n]/.test(pair[0]) ? at + pair[0].length : at + 1)
  }

  function plain(start: number, from: number): { value: string; end: number } {
    const end = from + lengthOf(rest, from)
    return { value: text.slice(start, end), end }
  }

  let at = 0
  while (at < text.length) {
    if (comment !== '' && text[at] === comment) {
      found.comments++
      at += lengthOf(line, at)
    } else if (lengthOf(lineEnd, at) > 0) found.blankLines++
    else {
      const row: string[] = []
      for (;;) {
        const { value, end } = field(at)
        row.push(value)
        at = end
        if (text[at] !== delimiter) break
        at++
      }
      found.rows.push(row)
    }
    at += lengthOf(lineEnd, at)
  }
  return found
}
