import type { PeerId, SessionId } from '../../base/index.ts'
import type { Room } from './room.ts'

/** One start-to-stop life of another member. */
export interface OtherSession {
  readonly peerId: PeerId
  readonly sessionId: SessionId
  /** Aborts when this session is no member any more, and at {@link OtherSessions.close}. */
  readonly signal: AbortSignal
}

interface Entry<State> {
  readonly state: State
  readonly controller: AbortController
}

/** What is kept for, and done with, each session of another member while it is here. As many as the room has members. */
export class OtherSessions<State extends OtherSession> {
  readonly #room: Room
  readonly #create: (session: OtherSession) => State
  readonly #start: (state: State) => void
  readonly #entries = new Map<PeerId, Entry<State>>()

  /** `start` is called once for each, when it is known here. */
  constructor(room: Room, create: (session: OtherSession) => State, start: (state: State) => void) {
    this.#room = room
    this.#create = create
    this.#start = start
  }

  get size(): number {
    return this.#entries.size
  }

  has(peerId: PeerId): boolean {
    return this.#entries.has(peerId)
  }

  *[Symbol.iterator](): Generator<State, void, undefined> {
    for (const { state } of this.#entries.values()) yield state
  }

  /** Ends with who has gone, then begins with who is new. To be called at the start and whenever the membership changes. */
  follow(): void {
    const present = new Map(this.#room.members().map((member) => [member.peerId, member.sessionId]))
    present.delete(this.#room.self.peerId)
    for (const [peerId, { state, controller }] of this.#entries) {
      if (present.get(peerId) === state.sessionId) continue
      controller.abort()
      this.#entries.delete(peerId)
    }
    for (const [peerId, sessionId] of present) {
      if (this.#entries.has(peerId)) continue
      const controller = new AbortController()
      const state = this.#create({ peerId, sessionId, signal: controller.signal })
      this.#entries.set(peerId, { state, controller })
      this.#start(state)
    }
  }

  close(): void {
    for (const { controller } of this.#entries.values()) controller.abort()
    this.#entries.clear()
  }
}
