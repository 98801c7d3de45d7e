import type { JoinOptions, Profile } from '../browser.ts'
import type { CloseReason, MeshNode } from '../node.ts'
import { createObservable, type Observable } from './observable.ts'

/** What the page is about, by its address. */
export type Place =
  | { readonly kind: 'home' }
  | { readonly kind: 'joining'; readonly isNew: boolean }
  | { readonly kind: 'room'; readonly node: MeshNode }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly link: string | undefined
    }
  | { readonly kind: 'ended'; readonly reason: CloseReason }

export interface SessionPorts {
  joinRoom(options: JoinOptions): Promise<MeshNode>
  openProfile(): Promise<Profile>
  /** Told of the node of the room that is open, and of its end. */
  onNode(node: MeshNode | undefined): void
}

export interface Session {
  readonly place: Observable<Place>
  readonly profile: () => Promise<Profile>
  /** Goes where the address points: home, a new room, an invite, a known room. */
  follow(): void
  goHome(): Promise<void>
  stop(): void
}

const ROOM_ID = /^[a-z2-7]{32}$/
const LEAVE_LIMIT_MS = 2_000

/** Keeps the room that the address names open: one node at a time, and none after leaving. */
export function createSession(ports: SessionPorts): Session {
  const place = createObservable<Place>({ kind: 'home' })
  let profile: Promise<Profile> | undefined
  let controller = new AbortController()
  let node: MeshNode | undefined

  const leave = async () => {
    controller.abort(new DOMException('left for another place', 'AbortError'))
    const leaving = node
    node = undefined
    ports.onNode(undefined)
    if (leaving)
      await Promise.race([leaving.drain(), new Promise((done) => setTimeout(done, LEAVE_LIMIT_MS))])
    await leaving?.close()
  }

  const enter = async (hash: string) => {
    controller = new AbortController()
    const { signal } = controller
    place.set({ kind: 'joining', isNew: hash === 'new' })
    try {
      const joined = await ports.joinRoom({ room: roomOf(hash), signal })
      if (signal.aborted) return void joined.close()
      node = joined
      history.replaceState(history.state, '', `#${joined.roomId}`)
      ports.onNode(joined)
      place.set({ kind: 'room', node: joined })
      const reason = await joined.closed
      if (node === joined) await end(reason)
    } catch (error) {
      if (!signal.aborted) place.set(failure(error))
    }
  }

  const end = async (reason: CloseReason) => {
    node = undefined
    ports.onNode(undefined)
    place.set({ kind: 'ended', reason })
  }

  const follow = () => {
    const hash = location.hash.slice(1)
    if (node !== undefined && hash === node.roomId) return
    leave()
      .then(() => (hash === '' ? place.set({ kind: 'home' }) : enter(hash)))
      .catch((error: unknown) => place.set(failure(error)))
  }

  addEventListener('hashchange', follow)
  return {
    place,
    profile: () => {
      profile ??= ports.openProfile().catch((error: unknown) => {
        profile = undefined
        throw error
      })
      return profile
    },
    follow,
    goHome: async () => {
      history.pushState(undefined, '', location.pathname + location.search)
      await leave()
      place.set({ kind: 'home' })
    },
    stop: () => removeEventListener('hashchange', follow),
  }
}

function roomOf(hash: string): JoinOptions['room'] {
  if (hash === 'new') return 'new'
  return ROOM_ID.test(hash) ? { id: hash } : { invite: location.href }
}

function failure(error: unknown): Place {
  if (!(error instanceof Error))
    return { kind: 'failed', code: 'unknown', message: String(error), link: undefined }
  const code = 'code' in error ? String(error.code) : 'unknown'
  const link = 'link' in error && typeof error.link === 'string' ? error.link : undefined
  return { kind: 'failed', code, message: error.message, link }
}
