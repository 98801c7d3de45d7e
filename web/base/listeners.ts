/** The functions to call when something happens. One that throws does not keep the others from hearing. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #all = new Set<(...args: Args) => void>()

  add(listener: (...args: Args) => void): () => void {
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  get size(): number {
    return this.#all.size
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
