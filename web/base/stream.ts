import { TabmeshError } from './errors.ts'

/** What a full stream does with one more item; every drop is counted. */
export type Overflow = 'drop-oldest' | 'fail'

export class StreamError extends TabmeshError<'overflow' | 'second-loop'> {}

export interface StreamOptions<T> {
  /** How much may wait for the reader, in the unit of `sizeOf` (items by default). */
  readonly capacity: number
  readonly overflow: Overflow
  readonly sizeOf?: (item: T) => number
  /** Called once when the stream ends, whoever ended it. */
  readonly onEnd?: () => void
}

/**
 * A bounded buffer between code that pushes and one `for await` that pulls. `break` ends it; a second loop throws.
 * With `overflow: 'fail'` a push that does not fit ends the stream with a {@link StreamError} after what is buffered.
 */
export class Stream<T> implements AsyncIterable<T> {
  readonly #options: StreamOptions<T>
  readonly #items: T[] = []
  #head = 0
  #size = 0
  #wake: (() => void) | undefined
  #end: { error?: unknown } | undefined
  #hasReader = false
  dropped = 0

  constructor(options: StreamOptions<T>) {
    this.#options = options
  }

  get isEnded(): boolean {
    return this.#end !== undefined
  }

  /** False if the stream has ended or the item did not fit. */
  push(item: T): boolean {
    if (this.#end) return false
    this.#items.push(item)
    this.#size += this.#sizeOf(item)
    while (this.#size > this.#options.capacity && this.#items.length - this.#head > 1) {
      if (this.#options.overflow === 'fail') {
        this.#items.pop()
        this.end(new StreamError('overflow', 'the reader is too slow: its buffer is full'))
        return false
      }
      this.#take()
      this.dropped++
    }
    this.#wake?.()
    return true
  }

  /** No further items; the reader gets what is buffered, then the end or `error`. */
  end(error?: unknown): void {
    if (this.#end) return
    this.#end = error === undefined ? {} : { error }
    this.#wake?.()
    this.#options.onEnd?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    if (this.#hasReader) throw new StreamError('second-loop', 'this stream already has a reader')
    this.#hasReader = true
    try {
      for (;;) {
        while (this.#head < this.#items.length) yield this.#take()
        if (this.#end) {
          if ('error' in this.#end) throw this.#end.error
          return
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    } finally {
      this.end()
    }
  }

  #take(): T {
    const item = this.#items[this.#head] as T
    this.#items[this.#head] = undefined as T
    this.#head++
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    this.#size -= this.#sizeOf(item)
    return item
  }

  #sizeOf(item: T): number {
    return this.#options.sizeOf?.(item) ?? 1
  }
}
