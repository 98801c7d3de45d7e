import { abortable } from '../base/index.ts'

interface Waiting {
  readonly bytes: number
  readonly enter: () => void
}

/** Bounds what is under way at once by its bytes and its count; whoever comes waits for those before. */
export class Window {
  readonly #maxBytes: number
  readonly #maxCount: number
  #bytes = 0
  #count = 0
  #waiting: Waiting[] = []

  constructor(maxBytes: number, maxCount: number) {
    this.#maxBytes = maxBytes
    this.#maxCount = maxCount
  }

  /** Resolves when there is room, to the function that gives it back; what is larger than the window goes alone. */
  async enter(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#waiting.length > 0 || !this.#isFree(bytes)) await this.#wait(bytes, signal)
    else this.#take(bytes)
    return () => {
      this.#leave(bytes)
      this.#wake()
    }
  }

  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    let enter = () => {}
    const turn = new Promise<void>((resolve) => {
      enter = resolve
    })
    const waiting: Waiting = { bytes, enter }
    this.#waiting.push(waiting)
    try {
      await abortable(turn, signal)
    } catch (error) {
      const at = this.#waiting.indexOf(waiting)
      if (at >= 0) this.#waiting.splice(at, 1)
      // Its turn came in the same moment.
      else this.#leave(bytes)
      this.#wake()
      throw error
    }
  }

  #wake(): void {
    for (let first = this.#waiting[0]; first && this.#isFree(first.bytes); first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(first.bytes)
      first.enter()
    }
  }

  #isFree(bytes: number): boolean {
    return this.#count === 0 || (this.#bytes + bytes <= this.#maxBytes && this.#count < this.#maxCount)
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#count++
  }

  #leave(bytes: number): void {
    this.#bytes -= bytes
    this.#count--
  }
}
