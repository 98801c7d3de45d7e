import { replaceGlobal } from './guest-globals.ts'

/**
 * The Worker's timers, for functions only: text would be evaluated, which the policy refuses with a report to the page's own
 * thread. Counted, so that none outlives the task that set it.
 */
export class GuestTimers {
  readonly #pending = new Map<number, () => void>()

  /** How many are still to fire. */
  get pending(): number {
    return this.#pending.size
  }

  /** Puts these in the place of the realm's own. */
  install(): void {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
    const pending = this.#pending
    const clear = (id: unknown) => {
      pending.get(Number(id))?.()
      pending.delete(Number(id))
    }
    replaceGlobal('setTimeout', (handler: unknown, ms: unknown, ...given: unknown[]) => {
      const call = functionOf(handler)
      const id = Number(
        setTimeout(() => {
          pending.delete(id)
          call(...given)
        }, Number(ms)),
      )
      pending.set(id, () => clearTimeout(id))
      return id
    })
    replaceGlobal('setInterval', (handler: unknown, ms: unknown, ...given: unknown[]) => {
      const call = functionOf(handler)
      const id = Number(setInterval(() => call(...given), Number(ms)))
      pending.set(id, () => clearInterval(id))
      return id
    })
    replaceGlobal('clearTimeout', clear)
    replaceGlobal('clearInterval', clear)
  }

  /** None fires any more. */
  clear(): void {
    for (const end of this.#pending.values()) end()
    this.#pending.clear()
  }
}

function functionOf(handler: unknown): (...given: unknown[]) => unknown {
  if (typeof handler !== 'function') throw new TypeError('a timer takes a function')
  return handler as (...given: unknown[]) => unknown
}
