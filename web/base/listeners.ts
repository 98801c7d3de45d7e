import { OptionError } from './option-error.ts'

/** The functions to call when something happens. One that throws does not keep the others from hearing. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #all = new Set<(...args: Args) => void>()

  /** Throws an OptionError for what cannot be called: told here, not at the first news. */
  add(listener: (...args: Args) => void): () => void {
    if (typeof listener !== 'function') throw new OptionError('listener', listener, 'is a function')
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  get size(): number {
    return this.#all.size
  }

  /** Resolves at the next {@link emit}; rejects with `signal.reason`. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => {
        stop()
        reject(signal.reason)
      }
      const stop = this.add(() => {
        stop()
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  emit(...args: Args): void {
    for (const listener of [...this.#all]) {
      try {
        listener(...args)
      } catch (error) {
        // A listener's fault is reported where uncaught errors go and stays out of the emitter's control flow.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
