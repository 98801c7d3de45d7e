interface Waiting<In, Out> {
  readonly input: In
  resolve(output: Out): void
  reject(reason: unknown): void
}

export interface GroupCommitOptions<In> {
  /** What one run takes: as many as weigh `most` together, but at least one. Default: all that wait. */
  readonly bound?: { readonly most: number; readonly weightOf: (input: In) => number }
  /** After this failure of several each is run alone, in order, so that one does not take the others with it. Default: never. */
  readonly isSplitBy?: (error: unknown) => boolean
}

/**
 * Work that costs the same for one as for many (a transaction): what is asked for while one runs goes into the next
 * together, so that the wait is at most two runs. One that fails fails for all that were in it.
 */
export class GroupCommit<In, Out> {
  readonly #commit: (inputs: readonly In[]) => Promise<readonly Out[]>
  readonly #options: GroupCommitOptions<In>
  #waiting: Waiting<In, Out>[] = []
  #isRunning = false

  /** `commit` gives one output for each input, in their order. */
  constructor(
    commit: (inputs: readonly In[]) => Promise<readonly Out[]>,
    options: GroupCommitOptions<In> = {},
  ) {
    this.#commit = commit
    this.#options = options
  }

  get isBusy(): boolean {
    return this.#isRunning
  }

  /** Inputs that no run has taken yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  run(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject })
      if (!this.#isRunning) void this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const batches = [this.#take()]
      for (const batch of batches) {
        try {
          const outputs = await this.#commit(batch.map(({ input }) => input))
          for (const [at, { resolve }] of batch.entries()) resolve(outputs[at] as Out)
        } catch (error) {
          if (batch.length > 1 && this.#options.isSplitBy?.(error)) batches.push(...batch.map((one) => [one]))
          else for (const { reject } of batch) reject(error)
        }
      }
    }
    this.#isRunning = false
  }

  #take(): readonly Waiting<In, Out>[] {
    const { bound } = this.#options
    let count = bound ? 0 : this.#waiting.length
    let weight = 0
    while (bound && count < this.#waiting.length) {
      weight += bound.weightOf((this.#waiting[count] as Waiting<In, Out>).input)
      if (count > 0 && weight > bound.most) break
      count++
    }
    const all = this.#waiting
    this.#waiting = all.slice(count)
    return all.slice(0, count)
  }
}
