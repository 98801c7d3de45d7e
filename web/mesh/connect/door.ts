import type { Clock, PeerId } from '../../base/index.ts'
import { HandshakeError, type HandshakeOptions, type ProvenPeer, shakeHands } from '../handshake/index.ts'
import type { Links } from '../links/index.ts'
import type { Membership } from '../membership/index.ts'
import type { Connection } from '../transport/index.ts'

/** How long other peers get to accept us after one has refused. */
const VERDICT_WAIT_MS = 3000

/** `full`: the room has as many members as it takes; `refused`: nobody accepted our proof of the room secret. */
export interface Verdict {
  readonly how: 'full' | 'refused' | 'version'
  readonly message: string
}

export interface DoorOptions {
  readonly room: Pick<HandshakeOptions, 'clock' | 'crypto' | 'random' | 'identity' | 'room'>
  readonly maxMembers: number
  readonly me: ProvenPeer
  readonly membership: Membership
  readonly links: Links
  /** The peer is proven and let in. Throws when the room has ended meanwhile. */
  readonly onProven: (peer: ProvenPeer, connection: Connection) => void
  readonly onRefused: (claimedPeerId: PeerId, error: HandshakeError) => void
  /** The room will not have us. */
  readonly onVerdict: (end: Verdict) => void
}

/** Lets peers in, and judges what it means when one does not let us in. */
export class Door {
  readonly #options: DoorOptions
  readonly #clock: Clock
  readonly #admitting = new Set<PeerId>()
  /** When a proven peer first told us that the room is full. */
  readonly #fullSince = new Map<PeerId, number>()
  #hasBeenAccepted = false

  constructor(options: DoorOptions) {
    this.#options = options
    this.#clock = options.room.clock
  }

  /** Makes a link of a connection, or rejects with why not. `signal` says that the connection is no longer needed. */
  async pass(connection: Connection, signal?: AbortSignal): Promise<void> {
    const claimed = connection.claimedPeerId as PeerId
    try {
      const proven = await this.#shakeHands(connection, claimed, signal)
      this.#hasBeenAccepted = true
      this.#options.onProven(proven.peer, proven.connection)
    } catch (error) {
      if (error instanceof HandshakeError) this.#onRefused(claimed, error)
      throw error
    }
  }

  /**
   * A further connection of a link that is there, proven as the first was. Rejects with a HandshakeError; says nothing of the
   * room.
   */
  async passFurther(connection: Connection, signal?: AbortSignal): Promise<Connection> {
    const { room, me, links } = this.#options
    const { index, isDialer } = connection
    const admit = ({ peerId }: ProvenPeer) =>
      isDialer ? links.get(peerId) !== undefined : links.mayAddFurther(peerId, index)
    const proven = await shakeHands({ ...room, ...me, connection, connectionIndex: index, signal, admit })
    return proven.connection
  }

  async #shakeHands(connection: Connection, claimed: PeerId, signal: AbortSignal | undefined) {
    const { room, me } = this.#options
    try {
      const admit = ({ peerId }: ProvenPeer) => this.#admit(peerId)
      return await shakeHands({ ...room, ...me, connection, signal, admit })
    } finally {
      this.#admitting.delete(claimed)
    }
  }

  /** A place is taken by members, by linked peers that have not announced themselves yet, and by those just let in. */
  #admit(peerId: PeerId): boolean {
    const { membership, links, maxMembers } = this.#options
    const taken = new Set([...membership.members.map((member) => member.peerId), ...this.#admitting])
    for (const { peer } of links.entries) taken.add(peer.peerId)
    const hasPlace = taken.has(peerId) || taken.size < maxMembers
    if (hasPlace) this.#admitting.add(peerId)
    return hasPlace
  }

  #onRefused(claimed: PeerId, error: HandshakeError): void {
    this.#options.onRefused(claimed, error)
    const verdict = verdictOf(error)
    if (!verdict) return
    if (this.#hasBeenAccepted) {
      if (verdict.how === 'full' && this.#isBesideTheRoom(claimed)) this.#options.onVerdict(verdict)
      return
    }
    this.#clock.after(VERDICT_WAIT_MS, () => {
      if (!this.#hasBeenAccepted) this.#options.onVerdict(verdict)
    })
  }

  /**
   * Nobody who has been accepted goes because of one refusal, with one exception: a newcomer that is told `full` by somebody
   * again and again, and who does not turn out to be a member with it, has met other newcomers only, beside the room.
   */
  #isBesideTheRoom(claimed: PeerId): boolean {
    const { own, members } = this.#options.membership
    if (own.isSettled || members.some(({ peerId }) => peerId === claimed)) return false
    const firstAt = this.#fullSince.get(claimed) ?? this.#clock.now()
    this.#fullSince.set(claimed, firstAt)
    return this.#clock.now() - firstAt >= VERDICT_WAIT_MS
  }
}

/**
 * What a failed handshake says about the room, if anything. Only a peer that has proven the room secret speaks for the room;
 * whoever proves nothing is a stranger that sits on the room's public id, and his word never ends anything.
 */
function verdictOf(error: HandshakeError): Verdict | undefined {
  if (!error.isPeerProven || (error.side === 'self' && error.code !== 'version')) return undefined
  switch (error.code) {
    case 'full':
    case 'version':
      return { how: error.code, message: error.message }
    case 'wrong-secret':
    case 'identity':
    case 'binding':
      return { how: 'refused', message: error.message }
    case 'malformed':
    case 'timeout':
    case 'closed':
      return undefined
  }
}
