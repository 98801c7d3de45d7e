import type { Clock } from '../../base/index.ts'

const TICK_MS = 500
/** Quiet for this long: ask. */
const QUIET_MS = 1_000
/** Quiet for this long, and a question this old without an answer: gone. A page may be busy for 3 s. */
const SILENT_MS = 5_000
const UNANSWERED_MS = 4_000
/** Also in traffic, for the round trip's sake. */
const MEASURE_MS = 5_000
/** A tick this late says that this page was hidden or frozen: what it did not hear then proves nothing. */
const LATE_MS = 2_000
/** Late ticks in a row, each with a question unanswered since the one before, that prove it after all. */
const MAX_LATE_TICKS = 3
/** Weight of a new sample, as TCP's (RFC 6298). */
const SMOOTHING = 1 / 8

export interface HeartbeatEvents {
  /** Send a ping with this id now. */
  ping(id: number): void
  onTick(now: number, wasFrozen: boolean): void
  onSilent(): void
}

/**
 * Finds out a peer that is gone without a word, and measures the round trip. Anything that arrives proves life. Time in
 * which this page itself did not run does not count against the other side.
 */
export class Heartbeat {
  readonly #clock: Clock
  readonly #events: HeartbeatEvents
  #cancel: () => void
  #lastTickAt: number
  #heardAt: number
  /** Of the first question since anything was heard. */
  #askedAt: number | undefined
  #lateTicks = 0
  #lastPing = { id: 0, at: Number.NEGATIVE_INFINITY }
  #rttMs: number | undefined

  constructor(clock: Clock, events: HeartbeatEvents) {
    this.#clock = clock
    this.#events = events
    this.#lastTickAt = clock.now()
    this.#heardAt = this.#lastTickAt
    this.#cancel = clock.after(0, () => this.#tick())
  }

  get rttMs(): number | undefined {
    return this.#rttMs
  }

  get quietMs(): number {
    return this.#clock.now() - this.#heardAt
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
    this.#askedAt = undefined
    this.#lateTicks = 0
  }

  /** False for an answer to a question that was never asked. */
  pong(id: number): boolean {
    if (id > this.#lastPing.id || id === 0) return false
    if (id === this.#lastPing.id && this.#lastPing.at !== Number.NEGATIVE_INFINITY) {
      const sampleMs = this.#clock.now() - this.#lastPing.at
      this.#rttMs = this.#rttMs === undefined ? sampleMs : this.#rttMs + SMOOTHING * (sampleMs - this.#rttMs)
    }
    return true
  }

  stop(): void {
    this.#cancel()
  }

  #tick(): void {
    const now = this.#clock.now()
    const wasFrozen = now - this.#lastTickAt > TICK_MS + LATE_MS
    this.#lastTickAt = now
    this.#cancel = this.#clock.after(TICK_MS, () => this.#tick())
    this.#events.onTick(now, wasFrozen)
    if (wasFrozen) this.#afterFreeze(now)
    else this.#judge(now)
  }

  #judge(now: number): void {
    const quietMs = now - this.#heardAt
    if (this.#askedAt !== undefined && quietMs >= SILENT_MS && now - this.#askedAt >= UNANSWERED_MS) {
      this.#events.onSilent()
      return
    }
    const sincePingMs = now - this.#lastPing.at
    if (sincePingMs >= MEASURE_MS || (quietMs >= QUIET_MS && sincePingMs >= QUIET_MS)) this.#ask(now)
  }

  /** What arrived meanwhile may still wait behind this tick, so a fresh question is due before any judgement. */
  #afterFreeze(now: number): void {
    if (this.#askedAt !== undefined && ++this.#lateTicks > MAX_LATE_TICKS) {
      this.#events.onSilent()
      return
    }
    this.#askedAt = undefined
    this.#ask(now)
  }

  /** Sends a ping now. */
  ask(): void {
    this.#ask(this.#clock.now())
  }

  #ask(now: number): void {
    this.#askedAt ??= now
    this.#lastPing = { id: this.#lastPing.id + 1, at: now }
    this.#events.ping(this.#lastPing.id)
  }
}
