/** At most `width` works at once, the others in the order in which they came. */
export class Gate {
  #width: number
  readonly #waiting: { readonly enter: () => void }[] = []
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  /** Those that run beyond a smaller width run on. */
  set width(width: number) {
    this.#width = width
    this.#admit()
  }

  /** Rejects with `signal.reason` if that aborts before its turn; the work itself hears the signal from its caller. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.#running < this.#width) {
      this.#running++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const place = {
        enter: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(place), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(place)
    })
  }

  #leave(): void {
    this.#running--
    this.#admit()
  }

  #admit(): void {
    while (this.#running < this.#width) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#running++
      next.enter()
    }
  }
}
