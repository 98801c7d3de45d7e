import type { JoinOptions } from '../browser.ts'
import type { CloseReason, MeshNode } from '../node.ts'
import { createObservable, type Observable } from './observable.ts'

/** What the page is about: exactly one of these, and a room that is joined is always `room` or `leaving`. */
export type Place =
  | { readonly kind: 'home' }
  | { readonly kind: 'joining'; readonly isNew: boolean }
  | { readonly kind: 'room'; readonly node: MeshNode }
  | { readonly kind: 'leaving' }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly link: string | undefined
    }
  | { readonly kind: 'ended'; readonly reason: CloseReason }

/** Where a person wants to be: in a room, or in none. */
export type Wish = JoinOptions['room'] | 'home'

export interface RoomSwitchPorts {
  joinRoom(options: JoinOptions): Promise<MeshNode>
  /** Told of the node of the room that is open, and of its end. */
  onNode(node: MeshNode | undefined): void
  /** Resolves after so long. */
  pause(ms: number): Promise<void>
}

export interface RoomSwitch {
  readonly place: Observable<Place>
  /** Goes there, from wherever the page is by now; stays where that is the open room. Of several wishes the last one counts. */
  wish(wish: Wish): void
}

/** A room's own work may end within this; what has not ended then is stopped. */
const DRAIN_MS = 2_000
const CLOSE_MS = 2_000

/**
 * Goes from place to place, one step after another: a room is left before the next is joined, and one that is joined when
 * nobody wants it any more is left at once.
 */
export function createRoomSwitch(ports: RoomSwitchPorts): RoomSwitch {
  return new Switch(ports)
}

class Switch implements RoomSwitch {
  readonly place = createObservable<Place>({ kind: 'home' })
  readonly #ports: RoomSwitchPorts
  /** What is wanted and has not been begun. */
  #wish: Wish | undefined
  #isGoing = false
  #joining: AbortController | undefined

  constructor(ports: RoomSwitchPorts) {
    this.#ports = ports
  }

  wish(wish: Wish): void {
    this.#wish = wish
    this.#joining?.abort(new DOMException('left for another place', 'AbortError'))
    void this.#go()
  }

  async #go(): Promise<void> {
    if (this.#isGoing) return
    this.#isGoing = true
    try {
      // In one step with its end: a wish between the two would be heard by nobody.
      while (this.#wish !== undefined) await this.#goOn(this.#wish)
    } finally {
      this.#isGoing = false
    }
  }

  async #goOn(first: Wish): Promise<void> {
    const place = this.place.get()
    if (place.kind === 'room' && !isIn(place.node, first)) await this.#leave(place.node)
    const wish = this.#wish ?? first
    this.#wish = undefined
    if (wish === 'home') this.place.set({ kind: 'home' })
    else if (this.place.get().kind !== 'room') await this.#join(wish)
  }

  async #leave(node: MeshNode): Promise<void> {
    this.place.set({ kind: 'leaving' })
    this.#ports.onNode(undefined)
    await this.#within(DRAIN_MS, node.drain())
    await this.#within(CLOSE_MS, node.close())
  }

  /** Whoever goes away waits no longer, nor for what goes wrong behind them. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    await Promise.race([work.catch(() => undefined), this.#ports.pause(ms)])
  }

  /** Ends when the room is open, cannot be opened, or is not wanted any more. */
  async #join(room: JoinOptions['room']): Promise<void> {
    const controller = new AbortController()
    const { signal } = controller
    this.#joining = controller
    this.place.set({ kind: 'joining', isNew: room === 'new' })
    const joined = Promise.resolve().then(() => this.#ports.joinRoom({ room, signal }))
    try {
      const node = await Promise.race([joined, aborted(signal)])
      signal.throwIfAborted()
      if (node) this.#open(node)
    } catch (error) {
      // Joined too late, or not to be shown: nobody is left in it, and its slot is free for the next one to join it.
      await this.#within(
        CLOSE_MS,
        joined.then((node) => node.close()),
      )
      if (!signal.aborted) this.place.set(failure(error))
    }
    this.#joining = undefined
  }

  #open(node: MeshNode): void {
    this.#ports.onNode(node)
    try {
      this.place.set({ kind: 'room', node })
    } catch (error) {
      this.#ports.onNode(undefined)
      this.place.set({ kind: 'leaving' })
      throw error
    }
    void node.closed.then((reason) => {
      const place = this.place.get()
      if (place.kind !== 'room' || place.node !== node) return
      this.#ports.onNode(undefined)
      this.place.set({ kind: 'ended', reason })
    })
  }
}

/** By the room's id, or by its invite, at whichever address. */
function isIn(node: MeshNode, wish: Wish): boolean {
  if (typeof wish !== 'object') return false
  return 'id' in wish ? wish.id === node.roomId : codeOf(wish.invite) === codeOf(node.invite)
}

function codeOf(invite: string): string {
  return invite.slice(invite.indexOf('#') + 1)
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function failure(error: unknown): Place {
  if (!(error instanceof Error))
    return { kind: 'failed', code: 'unknown', message: String(error), link: undefined }
  const code = 'code' in error ? String(error.code) : 'unknown'
  const link = 'link' in error && typeof error.link === 'string' ? error.link : undefined
  return { kind: 'failed', code, message: error.message, link }
}
