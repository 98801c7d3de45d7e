import { isRecord } from '../../base/index.ts'
import { isFinal } from '../../mesh/index.ts'
import type { Calls } from './calls.ts'
import type { Reign } from './epoch.ts'
import { type Held, leaseLost } from './held.ts'
import { headToWire, MAX_TOKENS, METHOD_SETTLE } from './messages.ts'
import type { Registration } from './registration.ts'

const REQUEST_MS = 10_000

/** What becomes of an attempt; below 0 the queue's own delay. */
export type Settlement = 'ack' | 'release' | { readonly delayMs: number }

interface Settling {
  readonly held: Held
  readonly how: Settlement
  resolve(): void
  reject(reason: unknown): void
}

/** Tells the owner what has become of attempts, and how much more the loop has room for; many at once. */
export class Settler {
  readonly #queue: string
  readonly #calls: Calls
  readonly #registration: () => Registration
  #settling: Settling[] = []
  #flushing: Promise<void> | undefined
  #isFlushWanted = false
  #credit = 0
  #lastTaken = 0

  constructor(queue: string, calls: Calls, registration: () => Registration) {
    this.#queue = queue
    this.#calls = calls
    this.#registration = registration
  }

  /** Bytes that the loop has room for and the owner has not heard of. */
  get credit(): number {
    return this.#credit
  }

  /** The loop asks for one, or has taken one. */
  lend(bytes: number, token = 0): void {
    this.#credit += bytes
    this.#lastTaken = Math.max(this.#lastTaken, token)
  }

  /** Those of which the owner has not heard. */
  get open(): readonly Held[] {
    return this.#settling.map(({ held }) => held)
  }

  /** Resolves when the owner has it on disk. Rejects with a MessagingError `lease-lost`. */
  settle(held: Held, how: Settlement): Promise<void> {
    held.state = 'settling'
    return new Promise((resolve, reject) => {
      this.#settling.push({ held, how, resolve, reject })
      void this.flush()
    })
  }

  flush(): Promise<void> {
    this.#isFlushWanted = true
    this.#flushing ??= this.#flushWhileWanted()
    return this.#flushing
  }

  /** Nobody is told any more. */
  close(): void {
    for (const { reject } of this.#settling.splice(0)) reject(leaseLost())
  }

  /** Another reign counts anew: these are gone, `taken` is what the loop has of the rest. */
  restart(gone: ReadonlySet<Held>, taken: readonly Held[], asked: number): void {
    for (const one of this.#settling.filter(({ held }) => gone.has(held))) {
      if (one.held.state === 'lost') lose(one)
      else finish(one)
    }
    this.#settling = this.#settling.filter(({ held }) => !gone.has(held))
    this.#credit = taken.reduce((sum, { size }) => sum + size, asked)
    this.#lastTaken = Math.max(0, ...taken.map(({ token }) => token))
  }

  /** One that is asked for while another is on its way out is not taken for that one. */
  async #flushWhileWanted(): Promise<void> {
    try {
      while (this.#isFlushWanted) {
        this.#isFlushWanted = false
        await this.#flushAll()
      }
    } finally {
      this.#flushing = undefined
    }
  }

  async #flushAll(): Promise<void> {
    // What is settled in the same turn goes together.
    await Promise.resolve()
    do {
      const registration = this.#registration()
      const reign = registration.confirmed
      if (!reign) return
      // An answer that never came, from an owner that is none any more: it is claimed anew.
      if (this.#settling.some(({ held }) => held.reign !== reign)) return registration.again()
      await this.#settleSome(reign, registration)
    } while (this.#settling.length > 0)
  }

  async #settleSome(reign: Reign, registration: Registration): Promise<void> {
    const batch = this.#settling.splice(0, MAX_TOKENS)
    const credit = this.#credit
    this.#credit = 0
    const tokens = (how: Settlement) => batch.filter((one) => one.how === how).map(({ held }) => held.token)
    const fails = batch.flatMap(({ held, how }) =>
      typeof how === 'object' ? [[held.token, how.delayMs]] : [],
    )
    const body = {
      ...headToWire(this.#queue, reign.epoch),
      ...{
        consumer: registration.name,
        acks: tokens('ack'),
        releases: tokens('release'),
        fails,
      },
      ...{ credit, lastTaken: this.#lastTaken },
    }
    try {
      const options = { timeoutMs: REQUEST_MS }
      const answer = await this.#calls.request(reign.owner, METHOD_SETTLE, body, options)
      const refused = new Set(isRecord(answer) && Array.isArray(answer['refused']) ? answer['refused'] : [])
      for (const one of batch) {
        if (refused.has(one.held.token)) lose(one)
        else finish(one)
      }
    } catch (error) {
      // It is nothing to the owner, and will be nothing when it is said again: their messages go to whoever comes.
      if (isFinal(error)) for (const one of batch) lose(one)
      // The owner has changed, or has forgotten this consumer: claimed from whoever owns it now.
      else this.#settling.unshift(...batch)
      registration.again()
    }
  }
}

function finish({ held, resolve }: Settling): void {
  held.state = 'settled'
  resolve()
}

function lose({ held, reject }: Settling): void {
  held.state = 'lost'
  reject(leaseLost())
}
