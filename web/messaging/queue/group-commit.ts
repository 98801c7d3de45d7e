interface Waiting<In, Out> {
  readonly input: In
  resolve(output: Out): void
  reject(reason: unknown): void
}

/**
 * Work that costs the same for one as for many (a transaction): what is asked for while one runs goes into the next
 * together, so that the wait is at most two runs. One that fails fails for all that were in it.
 */
export class GroupCommit<In, Out> {
  readonly #commit: (inputs: readonly In[]) => Promise<readonly Out[]>
  #waiting: Waiting<In, Out>[] = []
  #isRunning = false

  /** `commit` gives one output for each input, in their order. */
  constructor(commit: (inputs: readonly In[]) => Promise<readonly Out[]>) {
    this.#commit = commit
  }

  get isBusy(): boolean {
    return this.#isRunning
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
      const batch = this.#waiting
      this.#waiting = []
      try {
        const outputs = await this.#commit(batch.map(({ input }) => input))
        for (const [at, { resolve }] of batch.entries()) resolve(outputs[at] as Out)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#isRunning = false
  }
}
