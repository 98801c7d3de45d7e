import { RoomError } from './errors.ts'

/** Requests of one peer for one method that run at once; more are answered `busy`. No method takes another's room. */
export const MAX_SERVED_PER_METHOD = 64
/** Requests to one peer for one method that wait here for their turn; more reject with `busy`. */
const MAX_WAITING_PER_METHOD = 4_096

/** Requests to one peer for one method: no more go out than run there at once, the others follow in their order. */
export class Line {
  readonly #waiting = new Set<() => void>()
  readonly #onEmpty: () => void
  #out = 0

  /** `onEmpty`: nothing of it is out or waits. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  /** Takes a turn where one is free. */
  tryEnter(): boolean {
    if (this.#out >= MAX_SERVED_PER_METHOD) return false
    this.#out++
    return true
  }

  /** Resolves when it is its turn. Rejects with a RoomError `busy`, or with `signal.reason`. */
  turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.#waiting.size >= MAX_WAITING_PER_METHOD)
        return reject(new RoomError('busy', 'too many requests to this peer wait for their turn'))
      const go = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = () => {
        this.#waiting.delete(go)
        reject(signal.reason)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** After a turn: the next has it. */
  leave(): void {
    const [next] = this.#waiting
    if (next) {
      this.#waiting.delete(next)
      next()
    } else if (--this.#out === 0) this.#onEmpty()
  }
}
