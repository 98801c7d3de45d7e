type Grant = (lock: { readonly name: string } | null) => unknown

/** Web Locks as far as slots use them: exclusive locks, `ifAvailable` and `signal`. */
export class FakeLocks {
  readonly #queues = new Map<string, (() => void)[]>()

  get held(): number {
    return this.#queues.size
  }

  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  request(name: string, first: LockOptions | Grant, second?: Grant): Promise<unknown> {
    const options = typeof first === 'function' ? {} : first
    const grant = typeof first === 'function' ? first : (second as Grant)
    const queue = this.#queues.get(name)
    if (queue && options.ifAvailable) return Promise.resolve(grant(null))
    if (!queue) return this.#hold(name, grant)
    return new Promise((resolve, reject) => {
      const turn = () => resolve(this.#hold(name, grant))
      queue.push(turn)
      options.signal?.addEventListener('abort', () => {
        if (!queue.includes(turn)) return
        queue.splice(queue.indexOf(turn), 1)
        reject(options.signal?.reason)
      })
    })
  }

  async #hold(name: string, grant: Grant): Promise<unknown> {
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    try {
      return await grant({ name })
    } finally {
      const next = queue.shift()
      if (next) next()
      else this.#queues.delete(name)
    }
  }
}
