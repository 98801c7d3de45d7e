/** Levels that are shown of a value; a record of a file may have thousands. */
const MAX_DEPTH = 20
/** Characters that are shown of a value that is no text. */
const MAX_LENGTH = 2_000
const MORE = '…'

/**
 * Any value of a record, message or result in one line. A text is given as it is; of anything else so many levels and
 * characters are shown that no value of a peer or a file stops the page, and `…` stands for the rest.
 */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined) return ''
  if (typeof value === 'number')
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(12)))
  if (typeof value !== 'object' || value === null) return String(value)
  const line = new Line()
  line.add(value, 0)
  return line.text
}

/** At most so many characters, never half of one. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text
  const code = text.charCodeAt(most - 1)
  const isHalf = code >= 0xd800 && code < 0xdc00
  return `${text.slice(0, isHalf ? most - 1 : most)} ${MORE}`
}

/** A value as JSON in full, for a file: what JSON lacks (bigints, maps, sets, bytes, NaN) is told as text or lists. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => jsonValue(inner)) ?? 'null'
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map || value instanceof Set) return [...value]
  return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value
}

class Line {
  text = ''

  get #isFull(): boolean {
    return this.text.length >= MAX_LENGTH
  }

  add(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) this.#put(plainText(value))
    else if (value instanceof Date) this.#put(dateText(value))
    else if (depth >= MAX_DEPTH) this.#put(MORE)
    else if (Array.isArray(value)) this.#list('[', value, ']', depth)
    else if (value instanceof Set) this.#list('{', value, '}', depth)
    else if (ArrayBuffer.isView(value)) this.#list('<', value as Uint8Array, '>', depth)
    else if (value instanceof Map) this.#fields(value, depth)
    else this.#fields(ownFields(value), depth)
  }

  #list(open: string, items: Iterable<unknown>, close: string, depth: number): void {
    this.text += open
    let isFirst = true
    for (const item of items) {
      if (!isFirst) this.text += ','
      isFirst = false
      if (this.#isFull) break
      this.add(item, depth + 1)
    }
    this.#put(close)
  }

  #fields(fields: Iterable<readonly [unknown, unknown]>, depth: number): void {
    this.text += '{'
    let isFirst = true
    for (const [name, value] of fields) {
      if (!isFirst) this.text += ','
      isFirst = false
      if (this.#isFull) break
      this.add(name, depth + 1)
      this.text += ':'
      this.add(value, depth + 1)
    }
    this.#put('}')
  }

  /** The first that does not fit is cut, and then nothing more is put. */
  #put(words: string): void {
    if (!this.#isFull) this.text = cutText(this.text + words, MAX_LENGTH)
  }
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? String(date) : date.toISOString()
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(cutText(value, MAX_LENGTH)) : String(value)
}

function* ownFields(value: object): Iterable<readonly [string, unknown]> {
  for (const name in value) {
    if (Object.hasOwn(value, name)) yield [name, (value as Record<string, unknown>)[name]]
  }
}
