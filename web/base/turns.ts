/** One work of a key at a time, in the order in which they were asked for. Whatever becomes of one, the next has its turn. */
export class Turns<Key> {
  readonly #last = new Map<Key, Promise<unknown>>()

  get isIdle(): boolean {
    return this.#last.size === 0
  }

  /** Settles as `work` does. */
  run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work, work)
    this.#last.set(key, mine)
    const done = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
    mine.then(done, done)
    return mine
  }
}
