import { type Clock, type PeerId, type Random, reasonText, withTimeout } from '../../base/index.ts'
import { HandshakeError } from '../handshake/index.ts'
import { type Connection, type Transport, TransportError } from '../transport/index.ts'

/** Peers that we try to reach at once or later; more ids from signaling are ignored. */
const MAX_TARGETS = 48
const DIAL_LIMIT_MS = 20_000
const FIRST_WAIT_MS = 300
const MAX_WAIT_MS = 10_000
export const NO_PATH = 'This network does not let these two devices connect. Use the same network.'

export interface DialState {
  readonly isDialing: boolean
  /** Of the last failure, in words for a person; undefined before one. */
  readonly reason: string | undefined
}

export interface DialerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  /** Whether a link to this peer is still missed. Asked before every attempt; a no ends the trying. */
  readonly isWanted: (peerId: PeerId) => boolean
  /** Makes a link of an open connection; rejects with what went wrong. `signal` says that it is no longer needed. */
  readonly establish: (connection: Connection, signal: AbortSignal) => Promise<void>
  readonly onChange: () => void
}

interface Target {
  attempts: number
  reason: string | undefined
  /** Aborts the attempt that is under way. */
  dialing: AbortController | undefined
  cancelWait: (() => void) | undefined
}

/** Tries to link every peer that is missed, with growing waits (0.3 s to 10 s, each times 0.5 to 1.5). */
export class Dialer {
  readonly #options: DialerOptions
  readonly #targets = new Map<PeerId, Target>()
  #isStopped = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** Starts trying after `waitMs` unless it is being tried already. */
  want(peerId: PeerId, waitMs = 0): void {
    if (this.#isStopped || this.#targets.has(peerId) || this.#targets.size >= MAX_TARGETS) return
    const target: Target = { attempts: 0, reason: undefined, dialing: undefined, cancelWait: undefined }
    this.#targets.set(peerId, target)
    this.#wait(peerId, target, waitMs)
  }

  /** Tries at once whom it waits to try again: signaling is back, or the peer has shown a sign of life. */
  hurry(peerId: PeerId): void {
    const target = this.#targets.get(peerId)
    if (!target?.cancelWait) return
    target.cancelWait()
    this.#wait(peerId, target, this.#options.random.float() * FIRST_WAIT_MS)
  }

  hurryAll(): void {
    for (const peerId of [...this.#targets.keys()]) this.hurry(peerId)
  }

  /** Ends the trying: the peer is linked, or no longer missed. */
  drop(peerId: PeerId): void {
    const target = this.#targets.get(peerId)
    if (!target) return
    this.#targets.delete(peerId)
    target.cancelWait?.()
    target.dialing?.abort(new TransportError('closed', 'the connection is no longer needed'))
  }

  stateOf(peerId: PeerId): DialState | undefined {
    const target = this.#targets.get(peerId)
    return target && { isDialing: target.dialing !== undefined, reason: target.reason }
  }

  get peerIds(): readonly PeerId[] {
    return [...this.#targets.keys()]
  }

  stop(): void {
    this.#isStopped = true
    for (const peerId of [...this.#targets.keys()]) this.drop(peerId)
  }

  #wait(peerId: PeerId, target: Target, ms: number): void {
    target.cancelWait = this.#options.clock.after(ms, () => {
      target.cancelWait = undefined
      void this.#attempt(peerId, target)
    })
  }

  async #attempt(peerId: PeerId, target: Target): Promise<void> {
    if (!this.#options.isWanted(peerId)) {
      this.#end(peerId, target)
      return
    }
    const controller = new AbortController()
    target.dialing = controller
    this.#options.onChange()
    try {
      const connection = await this.#dial(peerId, controller.signal)
      await this.#options.establish(connection, controller.signal)
      this.#end(peerId, target)
    } catch (error) {
      if (this.#targets.get(peerId) === target) this.#onFailure(peerId, target, error)
    } finally {
      target.dialing = undefined
      this.#options.onChange()
    }
  }

  #dial(peerId: PeerId, signal: AbortSignal): Promise<Connection> {
    const { clock, transport } = this.#options
    return withTimeout(clock, 'the dial', DIAL_LIMIT_MS, signal, (inner) => transport.dial(peerId, inner))
  }

  #onFailure(peerId: PeerId, target: Target, error: unknown): void {
    target.reason = wordsFor(error)
    target.attempts++
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (target.attempts - 1), MAX_WAIT_MS)
    this.#wait(peerId, target, wait * (0.5 + this.#options.random.float()))
  }

  #end(peerId: PeerId, target: Target): void {
    if (this.#targets.get(peerId) === target) this.#targets.delete(peerId)
  }
}

function wordsFor(error: unknown): string {
  if (error instanceof HandshakeError) return error.message
  if (!(error instanceof TransportError)) return reasonText(error)
  switch (error.code) {
    case 'no-path':
      return NO_PATH
    case 'peer-absent':
      return 'The signaling server does not know this device at the moment.'
    case 'signaling-down':
      return 'The signaling server cannot be reached.'
    case 'closed':
      return 'The connection ended while it was being made.'
  }
}
