/** A message that waits for an absent peer. */
export interface PendingMessage {
  readonly key: string
  readonly src: string
  readonly dst: string
  readonly bytes: Buffer
  readonly expiresAtMs: number
}

/** From `src` to `dst`, of which nothing waits any more. */
export interface ExpiredPair {
  readonly key: string
  readonly src: string
  readonly dst: string
}

export interface PendingLimits {
  /** Bounds for each absent peer, and for all that one sender has waiting. */
  readonly pendingMessages: number
  readonly pendingBytes: number
  /** Bound for the whole server. */
  readonly pendingTotalBytes: number
  readonly pendingMs: number
}

/** Messages of one absent peer, or of one sender. */
interface Pile {
  readonly messages: Set<PendingMessage>
  bytes: number
}

/**
 * What was sent to peers that are not here (yet). Bounded for each of them, for each sender and in all; each message has
 * its own deadline. Pure: the time is an argument.
 */
export class PendingMessages {
  readonly #limits: PendingLimits
  /** In order of their deadlines, since all wait equally long. */
  readonly #all: Pile = { messages: new Set(), bytes: 0 }
  readonly #byTarget = new Map<string, Pile>()
  readonly #bySender = new Map<string, Pile>()

  constructor(limits: PendingLimits) {
    this.#limits = limits
  }

  get messages(): number {
    return this.#all.messages.size
  }

  get bytes(): number {
    return this.#all.bytes
  }

  /** False, and nothing kept, where a bound would be passed. */
  add(key: string, src: string, dst: string, bytes: Buffer, nowMs: number): boolean {
    const target = pileOf(this.#byTarget, nameOf(key, dst))
    const sender = pileOf(this.#bySender, nameOf(key, src))
    const fits = this.#hasRoom(target, bytes) && this.#hasRoom(sender, bytes)
    if (fits && this.#all.bytes + bytes.length <= this.#limits.pendingTotalBytes) {
      const message = { key, src, dst, bytes, expiresAtMs: nowMs + this.#limits.pendingMs }
      for (const pile of [this.#all, target, sender]) put(pile, message)
      return true
    }
    this.#dropIfEmpty(key, src, dst)
    return false
  }

  /** Hands over what waits for a peer, oldest first, and forgets it. */
  take(key: string, dst: string): readonly PendingMessage[] {
    if (this.#all.messages.size === 0) return []
    const waiting = [...(this.#byTarget.get(nameOf(key, dst))?.messages ?? [])]
    for (const message of waiting) this.#remove(message)
    return waiting
  }

  /** Drops what is too old, and names each pair whose last message that was. */
  expire(nowMs: number): ExpiredPair[] {
    const gone: PendingMessage[] = []
    for (const message of this.#all.messages) {
      if (message.expiresAtMs > nowMs) break
      this.#remove(message)
      gone.push(message)
    }
    const pairs = new Map<string, ExpiredPair>()
    for (const { key, src, dst } of gone) {
      if (!this.#isWaiting(key, src, dst)) pairs.set(`${nameOf(key, src)}\n${dst}`, { key, src, dst })
    }
    return [...pairs.values()]
  }

  #isWaiting(key: string, src: string, dst: string): boolean {
    for (const message of this.#byTarget.get(nameOf(key, dst))?.messages ?? []) {
      if (message.src === src) return true
    }
    return false
  }

  #hasRoom(pile: Pile, bytes: Buffer): boolean {
    const { pendingMessages, pendingBytes } = this.#limits
    return pile.messages.size < pendingMessages && pile.bytes + bytes.length <= pendingBytes
  }

  #remove(message: PendingMessage): void {
    const { key, src, dst } = message
    const piles = [this.#byTarget.get(nameOf(key, dst)), this.#bySender.get(nameOf(key, src)), this.#all]
    for (const pile of piles) {
      if (pile?.messages.delete(message)) pile.bytes -= message.bytes.length
    }
    this.#dropIfEmpty(key, src, dst)
  }

  #dropIfEmpty(key: string, src: string, dst: string): void {
    if (this.#byTarget.get(nameOf(key, dst))?.messages.size === 0) this.#byTarget.delete(nameOf(key, dst))
    if (this.#bySender.get(nameOf(key, src))?.messages.size === 0) this.#bySender.delete(nameOf(key, src))
  }
}

/** Keys have no line break in their alphabet, so no two pairs share a name. */
function nameOf(key: string, id: string): string {
  return `${key}\n${id}`
}

function pileOf(piles: Map<string, Pile>, name: string): Pile {
  const known = piles.get(name)
  if (known !== undefined) return known
  const pile: Pile = { messages: new Set(), bytes: 0 }
  piles.set(name, pile)
  return pile
}

function put(pile: Pile, message: PendingMessage): void {
  pile.messages.add(message)
  pile.bytes += message.bytes.length
}
