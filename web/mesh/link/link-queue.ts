/** First in, first out, with constant cost however long it gets. */
export class LinkQueue<Item> {
  readonly #items: (Item | undefined)[] = []
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#size++
  }

  peek(): Item | undefined {
    while (this.#head < this.#items.length && this.#items[this.#head] === undefined) this.#head++
    return this.#items[this.#head]
  }

  shift(): Item | undefined {
    const item = this.peek()
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    this.#size--
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** False if it is not here any more. */
  delete(item: Item): boolean {
    const at = this.#items.indexOf(item, this.#head)
    if (at < 0) return false
    this.#items[at] = undefined
    this.#size--
    return true
  }
}
