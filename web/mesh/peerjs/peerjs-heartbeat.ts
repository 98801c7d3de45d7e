import type { Clock } from '../../base/index.ts'

/** Quiet for so long, the server is asked. */
const QUIET_MS = 10_000
/** Its answer must come within this. */
const ANSWER_MS = 5_000
/** A timer that is later than this says that the page did not run: what the server has said may wait unread. */
const LATE_MS = 2_000
/** A page that hardly runs believes so many questions without an answer. */
const MAX_UNANSWERED = 3

export interface SignalingHeartbeatOptions {
  readonly clock: Clock
  /** Sends a question that any PeerJS server answers. */
  readonly ask: () => void
  /** The connection is dead, though nothing has closed it. Once for each {@link SignalingHeartbeat.start}. */
  readonly onSilent: () => void
}

/**
 * Finds a half-open connection to the signaling server: one whose other end has gone without a word. Browsers tell a page
 * nothing of a WebSocket's own pings, so the page asks. A server that has never answered on any connection is one that
 * cannot, and is not asked again on this one.
 */
export class SignalingHeartbeat {
  readonly #options: SignalingHeartbeatOptions
  #heardAt = 0
  #dueAt = 0
  #unanswered = 0
  #canAnswer = false
  #isRunning = false
  #cancel: (() => void) | undefined

  constructor(options: SignalingHeartbeatOptions) {
    this.#options = options
  }

  /** The connection has opened: asks at once, so that it is known from the first moment whether this server answers. */
  start(): void {
    this.stop()
    this.#isRunning = true
    this.ask()
  }

  stop(): void {
    this.#isRunning = false
    this.#unanswered = 0
    this.#cancel?.()
  }

  /** Anything that the server says proves its life. */
  heard(): void {
    this.#heardAt = this.#options.clock.now()
    if (this.#unanswered === 0) return
    this.#unanswered = 0
    this.#wait(QUIET_MS, this.#onQuiet)
  }

  /** The server has answered a question. */
  answered(): void {
    this.#canAnswer = true
  }

  /** Asks now. A question that is under way is enough. */
  ask(): void {
    if (!this.#isRunning || this.#unanswered > 0) return
    this.#ask()
  }

  #ask(): void {
    this.#unanswered++
    this.#wait(ANSWER_MS, this.#onNoAnswer)
    this.#options.ask()
  }

  readonly #onQuiet = () => {
    const quiet = this.#options.clock.now() - this.#heardAt
    if (quiet >= QUIET_MS) this.#ask()
    else this.#wait(QUIET_MS - quiet, this.#onQuiet)
  }

  readonly #onNoAnswer = () => {
    const isLate = this.#options.clock.now() - this.#dueAt > LATE_MS
    if (isLate && this.#unanswered < MAX_UNANSWERED) return this.#ask()
    this.stop()
    if (this.#canAnswer) this.#options.onSilent()
  }

  #wait(ms: number, run: () => void): void {
    if (!this.#isRunning) return
    this.#cancel?.()
    this.#dueAt = this.#options.clock.now() + ms
    this.#cancel = this.#options.clock.after(ms, run)
  }
}
