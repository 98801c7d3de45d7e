import { type Clock, isPeerId, type PeerId, type Random, withTimeout } from '../../base/index.ts'
import type { Transport } from '../transport/index.ts'

const LIMIT_MS = 10_000
/** Alone: soon again, then seldom. */
const ALONE_MS = [500, 1000, 2000, 4000, 8000] as const
/** With links: they bring the news, so signaling is asked seldom. */
const LINKED_MS = 30_000

export interface DiscoveryOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly hasLinks: () => boolean
  readonly onFound: (peerIds: readonly PeerId[]) => void
}

/** Asks signaling again and again who is there. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #ended = new AbortController()
  #listed: ReadonlySet<PeerId> = new Set()
  #tries = 0
  #cancel: (() => void) | undefined

  constructor(options: DiscoveryOptions) {
    this.#options = options
  }

  /** Whether the latest answer named this peer. */
  lists(peerId: PeerId): boolean {
    return this.#listed.has(peerId)
  }

  /** Asks now, and again soon: at the start, when signaling is back, when the last link has gone. */
  start(): void {
    this.#tries = 0
    this.#askAfter(0)
  }

  stop(): void {
    this.#ended.abort()
    this.#cancel?.()
  }

  #askAfter(ms: number): void {
    if (this.#ended.signal.aborted) return
    this.#cancel?.()
    this.#cancel = this.#options.clock.after(ms, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    const { transport, clock, random, hasLinks, onFound } = this.#options
    try {
      const found = await withTimeout(clock, 'the search for peers', LIMIT_MS, this.#ended.signal, (signal) =>
        transport.discover(signal),
      )
      this.#listed = new Set(found.filter(isPeerId))
      onFound([...this.#listed])
    } catch {
      // Signaling is away or slow: the transport's state says so, and the next try comes below or when it is back.
    }
    const alone = ALONE_MS[Math.min(this.#tries++, ALONE_MS.length - 1)] as number
    this.#askAfter((hasLinks() ? LINKED_MS : alone) * (0.75 + random.float() / 2))
  }
}
