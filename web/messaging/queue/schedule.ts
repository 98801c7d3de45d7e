import type { Clock } from '../../base/index.ts'

interface Entry<T> {
  readonly at: number
  readonly item: T
}

/** Things that are due at times of the clock, in a binary heap with one timer. */
export class Schedule<T> {
  readonly #clock: Clock
  readonly #onDue: (items: readonly T[]) => void
  readonly #heap: Entry<T>[] = []
  #cancel: (() => void) | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** `onDue` gets all that are due at once, in no order. */
  constructor(clock: Clock, onDue: (items: readonly T[]) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** `at` in the clock's own milliseconds. There is no removal: who is told late looks whether it still matters. */
  add(at: number, item: T): void {
    const heap = this.#heap
    heap.push({ at, item })
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1
      if ((heap[parent] as Entry<T>).at <= at) break
      swap(heap, parent, child)
      child = parent
    }
    this.#arm()
  }

  close(): void {
    this.#cancel?.()
    this.#heap.length = 0
  }

  #arm(): void {
    const first = this.#heap[0]
    if (!first || first.at >= this.#timerAt) return
    this.#cancel?.()
    this.#timerAt = first.at
    this.#cancel = this.#clock.after(Math.max(0, first.at - this.#clock.now()), () => this.#run())
  }

  #run(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const due: T[] = []
    while (this.#heap.length > 0 && (this.#heap[0] as Entry<T>).at <= this.#clock.now())
      due.push(this.#take())
    this.#onDue(due)
    this.#arm()
  }

  #take(): T {
    const heap = this.#heap
    const { item } = heap[0] as Entry<T>
    const last = heap.pop() as Entry<T>
    if (heap.length === 0) return item
    heap[0] = last
    for (let parent = 0; ; ) {
      let least = parent
      for (const child of [parent * 2 + 1, parent * 2 + 2])
        if (child < heap.length && (heap[child] as Entry<T>).at < (heap[least] as Entry<T>).at) least = child
      if (least === parent) return item
      swap(heap, least, parent)
      parent = least
    }
  }
}

function swap<T>(heap: T[], a: number, b: number): void {
  const held = heap[a] as T
  heap[a] = heap[b] as T
  heap[b] = held
}
