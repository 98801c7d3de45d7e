import { type Clock, isPeerId, type PeerId } from '../../base/index.ts'
import type { Connection } from '../transport/index.ts'

/** Connections opened by others that have not proven themselves yet; more are closed at once. */
const MAX_ARRIVALS = 32
const MAX_ARRIVALS_PER_PEER = 2
/** How long the smaller id lets the larger one's connection wait for its own dial. */
const HOLD_MS = 3000

export interface ArrivalsOptions {
  readonly clock: Clock
  readonly selfId: PeerId
  /** Whether our own dial to this peer is under way. */
  readonly isDialing: (peerId: PeerId) => boolean
  readonly establish: (connection: Connection) => Promise<void>
}

/**
 * Connections that others open. When two peers dial each other at the same time the connection of the smaller PeerId is the
 * one: the smaller lets the larger one's wait, the larger answers the smaller's at once. Both know both ids, so both agree.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #counts = new Map<PeerId, number>()
  readonly #held = new Map<PeerId, () => void>()
  #count = 0

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  accept(connection: Connection): void {
    const peerId = connection.claimedPeerId
    if (!isPeerId(peerId) || peerId === this.#options.selfId || !this.#hasPlace(peerId)) {
      connection.close('not now')
      return
    }
    this.#count++
    this.#counts.set(peerId, (this.#counts.get(peerId) ?? 0) + 1)
    const isOurs = this.#options.selfId < peerId && this.#options.isDialing(peerId) && !this.#held.has(peerId)
    if (isOurs) this.#hold(peerId, connection)
    else this.#start(peerId, connection)
  }

  /** Our dial to this peer has ended: what waited for that goes on, or is closed because there is a link. */
  release(peerId: PeerId): void {
    this.#held.get(peerId)?.()
  }

  /** A link to this peer exists. */
  cut(peerId: PeerId): void {
    const release = this.#held.get(peerId)
    this.#cut.add(peerId)
    release?.()
    this.#cut.delete(peerId)
  }

  readonly #cut = new Set<PeerId>()

  #hold(peerId: PeerId, connection: Connection): void {
    const cancel = this.#options.clock.after(HOLD_MS, () => go())
    const go = () => {
      cancel()
      this.#held.delete(peerId)
      if (!this.#cut.has(peerId)) return this.#start(peerId, connection)
      connection.close('the other connection is the one')
      this.#forget(peerId)
    }
    this.#held.set(peerId, go)
  }

  #start(peerId: PeerId, connection: Connection): void {
    this.#options
      .establish(connection)
      .catch(() => {
        // The handshake has closed the connection and the room has noted why.
      })
      .finally(() => this.#forget(peerId))
  }

  #hasPlace(peerId: PeerId): boolean {
    return this.#count < MAX_ARRIVALS && (this.#counts.get(peerId) ?? 0) < MAX_ARRIVALS_PER_PEER
  }

  #forget(peerId: PeerId): void {
    this.#count--
    const left = (this.#counts.get(peerId) ?? 1) - 1
    if (left > 0) this.#counts.set(peerId, left)
    else this.#counts.delete(peerId)
  }
}
