import type { Clock, PeerId } from '../base/index.ts'
import type { Member, Room } from '../mesh/index.ts'
import { MAX_FAILURES_PER_PEER, MAX_SLOTS } from './limits.ts'
import type { SchedulablePeer } from './scheduler.ts'
import type { AttemptFailure } from './task.ts'

/** After a lost attempt the peer is left alone for this long, doubled each time. */
const PAUSE_MS = 250
const MAX_PAUSE_MS = 4000

interface PeerRecord {
  outstanding: number
  failures: number
  losses: number
  pausedUntilMs: number
  refusal: AttemptFailure['refusal']
}

/** What one job knows of the peers that may work for it. */
export class PeerLedger {
  readonly #room: Room
  readonly #clock: Clock
  readonly #ownSlots: number
  readonly #records = new Map<PeerId, PeerRecord>()

  constructor(room: Room, clock: Clock, ownSlots: number) {
    this.#room = room
    this.#clock = clock
    this.#ownSlots = ownSlots
  }

  /** Those that may be given attempts now. */
  workers(): SchedulablePeer[] {
    const nowMs = this.#clock.now()
    return this.#room.members().flatMap((member) => {
      const { pausedUntilMs, outstanding } = this.#record(member.peerId)
      if (!this.#mayWork(member) || pausedUntilMs > nowMs) return []
      const slots = Math.min(MAX_SLOTS, this.#slotsOf(member))
      return [{ peerId: member.peerId, slots, isHidden: member.isHidden, outstanding }]
    })
  }

  /** Whether somebody outside `peers` may work for the job, now or after a pause. */
  hasOthers(peers: ReadonlySet<PeerId>): boolean {
    return this.#room.members().some((member) => !peers.has(member.peerId) && this.#mayWork(member))
  }

  /** Every member is left out for what it did: waiting brings nothing. */
  areAllLeftOut(): boolean {
    return this.#room.members().every((member) => isLeftOut(this.#record(member.peerId)))
  }

  onStart(peer: PeerId): void {
    this.#record(peer).outstanding++
  }

  onEnd(peer: PeerId): void {
    const record = this.#record(peer)
    record.outstanding = Math.max(0, record.outstanding - 1)
  }

  onFailure(peer: PeerId, { kind, refusal }: AttemptFailure): void {
    const record = this.#record(peer)
    if (kind === 'lost') {
      record.pausedUntilMs = this.#clock.now() + Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** record.losses)
      record.losses++
      return
    }
    record.failures++
    record.refusal ??= refusal
  }

  /** It is back as a new session: a clean record. */
  forget(peer: PeerId): void {
    this.#records.delete(peer)
  }

  /** The node's own worker takes its own jobs even when it takes no others'. */
  #slotsOf(member: Member): number {
    return member.isSelf ? this.#ownSlots : member.slots
  }

  #mayWork(member: Member): boolean {
    return this.#slotsOf(member) > 0 && !isLeftOut(this.#record(member.peerId))
  }

  #record(peer: PeerId): PeerRecord {
    const known = this.#records.get(peer)
    if (known) return known
    const record: PeerRecord = {
      outstanding: 0,
      failures: 0,
      losses: 0,
      pausedUntilMs: 0,
      refusal: undefined,
    }
    this.#records.set(peer, record)
    return record
  }
}

function isLeftOut({ failures, refusal }: PeerRecord): boolean {
  return refusal !== undefined || failures >= MAX_FAILURES_PER_PEER
}
