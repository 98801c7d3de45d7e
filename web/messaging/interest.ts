import type { Clock, PeerId } from '../base/index.ts'
import { isFinal, type OtherSession, OtherSessions, type Room } from '../mesh/index.ts'
import { MessagingError } from './errors.ts'
import { type InterestNotice, MAX_PATTERNS, METHOD_INTEREST, readInterest } from './messages.ts'
import { isAside, Matcher } from './pattern.ts'
import type { Places } from './places.ts'

const REQUEST_TIMEOUT_MS = 10_000
const RETRY_MS = 1_000
const MAX_REMEMBERED = 4096

interface Heard {
  readonly session: string
  readonly version: number
  readonly matchers: readonly Matcher[]
  readonly runs: boolean
}

/** How far one member's session knows our patterns. */
interface Told extends OtherSession {
  version: number
  isTelling: boolean
}

interface Waiter {
  readonly version: number
  resolve(): void
  reject(reason: unknown): void
}

/**
 * Who wants which topics. Each change is told to every member, and each member's answer brings its own patterns, so that
 * two that lost each other and met again know of each other whichever of them noticed.
 */
export class Interest {
  readonly #room: Room
  readonly #clock: Clock
  readonly #places: Places
  readonly #own: () => readonly string[]
  readonly #heard = new Map<PeerId, Heard>()
  readonly #told: OtherSessions<Told>
  readonly #byTopic = new Map<string, readonly PeerId[]>()
  readonly #stops: (() => void)[]
  #waiters: Waiter[] = []
  #version = 0
  #isClosed = false

  constructor(room: Room, clock: Clock, places: Places, own: () => readonly string[]) {
    this.#room = room
    this.#clock = clock
    this.#places = places
    this.#own = own
    this.#told = new OtherSessions<Told>(
      room,
      (session) => ({ ...session, version: -1, isTelling: false }),
      (told) => this.#tell(told),
    )
    this.#stops = [
      room.serve(METHOD_INTEREST, (body, { from }) => this.#onNotice(body, from)),
      room.onMembership(() => this.#onMembership()),
    ]
    this.#onMembership()
  }

  /** Members other than this node with a matching pattern. */
  peersFor(topic: string): readonly PeerId[] {
    const known = this.#byTopic.get(topic)
    if (known) return known
    const found: PeerId[] = []
    for (const [peerId, heard] of this.#heard) {
      if (this.#told.has(peerId) && heard.matchers.some((matcher) => matcher.matches(topic)))
        found.push(peerId)
    }
    if (this.#byTopic.size >= MAX_REMEMBERED) this.#byTopic.clear()
    this.#byTopic.set(topic, found)
    return found
  }

  /** Whether this member understands runs in batches. */
  takesRuns(peerId: PeerId): boolean {
    return this.#heard.get(peerId)?.runs === true
  }

  /** Our patterns are others now. Resolves when every present member knows; rejects with a MessagingError `closed`. */
  changed(): Promise<void> {
    this.#version++
    const known = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ version: this.#version, resolve, reject })
    })
    for (const told of this.#told) this.#tell(told)
    this.#wake()
    return known
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#stops) stop()
    for (const waiter of this.#waiters) waiter.reject(new MessagingError('closed', 'this node has ended'))
    this.#waiters = []
    this.#told.close()
    this.#heard.clear()
  }

  #onMembership(): void {
    const present = new Set(this.#room.members().map(({ peerId }) => peerId))
    for (const peerId of this.#heard.keys()) if (!present.has(peerId)) this.#heard.delete(peerId)
    this.#told.follow()
    this.#byTopic.clear()
    this.#wake()
  }

  #tell(told: Told): void {
    if (told.isTelling || told.version >= this.#version) return
    told.isTelling = true
    const { peerId } = told
    const notice = this.#notice()
    this.#room.request(peerId, METHOD_INTEREST, { ...notice }, { timeoutMs: REQUEST_TIMEOUT_MS }).then(
      (answer) => {
        told.isTelling = false
        told.version = notice.version
        this.#hear(answer, peerId)
        this.#again(told)
        this.#wake()
      },
      (error: unknown) => {
        // It cannot know: nobody waits for it, and what changes later is told again.
        if (isFinal(error)) told.version = notice.version
        this.#wake()
        // The peer has gone, or is slow: while it is a member it is told again.
        this.#clock.after(RETRY_MS, () => {
          told.isTelling = false
          this.#again(told)
        })
      },
    )
  }

  #again(told: Told): void {
    if (!told.signal.aborted) this.#tell(told)
  }

  #notice(): InterestNotice {
    const own = this.#own()
    // `#` stands for all but those that it does not match.
    const patterns = own.length > MAX_PATTERNS ? ['#', ...own.filter(isAside).slice(1 - MAX_PATTERNS)] : own
    return {
      session: this.#room.self.sessionId,
      version: this.#version,
      patterns,
      runs: true,
      place: this.#places.highest,
    }
  }

  #onNotice(
    body: unknown,
    from: PeerId,
  ): { readonly [key: string]: string | number | boolean | readonly string[] } {
    if (this.#isClosed) throw new MessagingError('closed', 'this node has ended')
    if (!this.#hear(body, from)) throw new MessagingError('malformed', 'this is no interest')
    return { ...this.#notice() }
  }

  #hear(body: unknown, from: PeerId): boolean {
    const notice = readInterest(body)
    if (!notice || this.#isClosed) return false
    // A newcomer has not seen what stands here already, and must not stand before it.
    this.#places.see(notice.place)
    const known = this.#heard.get(from)
    if (known && known.session === notice.session && known.version > notice.version) return true
    const matchers = notice.patterns.map((pattern) => new Matcher(pattern))
    const { session, version, runs } = notice
    this.#heard.set(from, { session, version, matchers, runs })
    this.#byTopic.clear()
    return true
  }

  #wake(): void {
    const least = Math.min(this.#version, ...[...this.#told].map((told) => told.version))
    const ready = this.#waiters.filter((waiter) => waiter.version <= least)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.version > least)
    for (const waiter of ready) waiter.resolve()
  }
}
