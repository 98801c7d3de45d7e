import type { JoinOptions, Profile } from '../browser.ts'
import type { MeshNode } from '../node.ts'
import type { Observable } from './observable.ts'
import { createRoomSwitch, type Place, type Wish } from './room-switch.ts'

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
  goHome(): void
  stop(): void
}

const ROOM_ID = /^[a-z2-7]{32}$/

function nameInAddress(roomId: string): void {
  try {
    history.replaceState(history.state, '', `#${roomId}`)
  } catch {
    // Browsers take only so many changes in a while; the room is open all the same.
  }
}

/** Keeps the room that the address names open, and the address that of the room that is open. */
export function createSession(ports: SessionPorts): Session {
  let profile: Promise<Profile> | undefined
  /** The address that was followed last. */
  let followed = ''
  const rooms = createRoomSwitch({
    joinRoom: (options) => ports.joinRoom(options),
    onNode: (node) => {
      // Another address by now: its event is on its way, and its place in the history is not ours to change.
      if (node && hashNow() === followed) nameInAddress(node.roomId)
      ports.onNode(node)
    },
    pause: (ms) => new Promise((done) => setTimeout(done, ms)),
  })
  const follow = () => {
    followed = hashNow()
    rooms.wish(wishOf(followed))
    const place = rooms.place.get()
    // An invite of the room that is open changes nothing, and its secret does not stay in the address.
    if (place.kind === 'room' && followed !== place.node.roomId) nameInAddress(place.node.roomId)
  }
  addEventListener('hashchange', follow)
  return {
    place: rooms.place,
    profile: () => {
      profile ??= ports.openProfile().catch((error: unknown) => {
        profile = undefined
        throw error
      })
      return profile
    },
    follow,
    goHome: () => {
      history.pushState(undefined, '', location.pathname + location.search)
      follow()
    },
    stop: () => removeEventListener('hashchange', follow),
  }
}

function hashNow(): string {
  return location.hash.slice(1)
}

function wishOf(hash: string): Wish {
  if (hash === '') return 'home'
  if (hash === 'new') return 'new'
  return ROOM_ID.test(hash) ? { id: hash } : { invite: location.href }
}
