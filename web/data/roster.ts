import { type Clock, Listeners, type PeerId, type ShardId } from '../base/index.ts'
import { type Member, place, type Room } from '../mesh/index.ts'
import { MAX_REPLICAS } from './limits.ts'

/** How long a member that said goodbye keeps its place: a reload is no reason to move data. */
const LEAVE_GRACE_MS = 5_000
/** From this many members on, three copies are the default. */
const THREE_COPIES_FROM = 5

/** The members that placement counts with: those who are here, and for a while those who left cleanly. */
export class Roster {
  readonly #room: Room
  readonly #clock: Clock
  readonly #leaving = new Map<PeerId, { readonly member: Member; readonly cancel: () => void }>()
  readonly #changed = new Listeners<[]>()
  readonly #stops: (() => void)[]
  #members: readonly Member[]
  #key: string
  #owners = new Map<string, readonly PeerId[]>()
  /** When a member was last seen to join, by the clock's `now`. */
  lastJoinedAt: number

  constructor(room: Room, clock: Clock) {
    this.#room = room
    this.#clock = clock
    this.lastJoinedAt = clock.now()
    this.#members = room.members()
    this.#key = keyOf(this.#members)
    this.#stops = [
      room.onMembership(({ joined, gone }) => {
        for (const { member, how } of gone) if (how === 'left') this.#keepPlace(member)
        for (const { peerId } of joined) this.#forgetPlace(peerId)
        if (joined.length > 0) this.lastJoinedAt = clock.now()
        this.#update()
      }),
      room.onChange(() => this.#update()),
    ]
  }

  /** Those who are here or about to return. */
  get members(): readonly Member[] {
    return this.#members
  }

  isAway(peerId: PeerId): boolean {
    return this.#leaving.has(peerId)
  }

  /** The members that placement sees have changed. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener)
  }

  replicasOf(wanted: number | 'default'): number {
    const takers = this.#members.filter(({ capacity }) => capacity > 0).length
    return Math.min(wanted === 'default' ? (takers >= THREE_COPIES_FROM ? 3 : 2) : wanted, takers)
  }

  owners(shardId: ShardId, replicas: number): readonly PeerId[] {
    return this.ranking(shardId).slice(0, replicas)
  }

  /** Every member that takes data, best first; the owners' successors are who comes next. */
  ranking(shardId: ShardId): readonly PeerId[] {
    let ranking = this.#owners.get(shardId)
    if (!ranking) {
      ranking = place(shardId, this.#members, MAX_REPLICAS * 2)
      this.#owners.set(shardId, ranking)
    }
    return ranking
  }

  close(): void {
    for (const stop of this.#stops) stop()
    for (const { cancel } of this.#leaving.values()) cancel()
  }

  #keepPlace(member: Member): void {
    this.#forgetPlace(member.peerId)
    const cancel = this.#clock.after(LEAVE_GRACE_MS, () => {
      this.#leaving.delete(member.peerId)
      this.#update()
    })
    this.#leaving.set(member.peerId, { member, cancel })
  }

  #forgetPlace(peerId: PeerId): void {
    this.#leaving.get(peerId)?.cancel()
    this.#leaving.delete(peerId)
  }

  #update(): void {
    const here = this.#room.members()
    const present = new Set(here.map(({ peerId }) => peerId))
    const away = [...this.#leaving.values()].map(({ member }) => member)
    const members = [...here, ...away.filter(({ peerId }) => !present.has(peerId))]
    const key = keyOf(members)
    if (key === this.#key) return
    this.#members = members
    this.#key = key
    this.#owners = new Map()
    this.#changed.emit()
  }
}

function keyOf(members: readonly Member[]): string {
  return members
    .map(({ peerId, deviceId, capacity }) => `${peerId} ${deviceId} ${capacity}`)
    .sort()
    .join()
}
