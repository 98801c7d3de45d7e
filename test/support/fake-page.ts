import { vi } from 'vitest'

const MOST_WAKES = 1_000

/**
 * A page for the browser's clock in Node, on fake timers: its document, and workers that run their own source. `wakes`
 * counts the timers that have fired, the worker's too.
 */
export class FakePage {
  wakes = 0
  readonly #document = new EventTarget()
  readonly #sources = new Map<string, Blob>()

  constructor(visibility: 'visible' | 'hidden', workers: 'allowed' | 'forbidden') {
    vi.useFakeTimers()
    const native = globalThis.setTimeout
    const counting = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      native(() => {
        this.wakes++
        // One that spins is stopped, so that its test fails and does not hang.
        if (this.wakes < MOST_WAKES) run(...args)
      }, ms)
    vi.stubGlobal('setTimeout', counting)
    vi.stubGlobal('document', this.#document)
    vi.stubGlobal('Worker', workers === 'allowed' ? this.#workerClass() : undefined)
    vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => {
      const url = `blob:${this.#sources.size}`
      this.#sources.set(url, blob as Blob)
      return url
    })
    this.become(visibility)
  }

  become(visibility: 'visible' | 'hidden'): void {
    Object.assign(this.#document, { visibilityState: visibility })
    this.#document.dispatchEvent(new Event('visibilitychange'))
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(0)
    await vi.advanceTimersByTimeAsync(ms)
  }

  get timersLeft(): number {
    return vi.getTimerCount()
  }

  end(): void {
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
    vi.useRealTimers()
  }

  #workerClass(): unknown {
    const sources = this.#sources
    return class {
      onmessage: ((event: { data: unknown }) => void) | undefined
      readonly #run: Promise<(event: { data: unknown }) => void>
      #isEnded = false

      constructor(url: string) {
        const blob = sources.get(url) as Blob
        const post = (data: unknown) => {
          if (!this.#isEnded) this.onmessage?.({ data })
        }
        this.#run = blob
          .text()
          .then((source) => new Function('postMessage', `let onmessage; ${source}; return onmessage`)(post))
      }

      postMessage(data: unknown): void {
        void this.#run.then((run) => run({ data }))
      }

      terminate(): void {
        this.#isEnded = true
      }
    }
  }
}
