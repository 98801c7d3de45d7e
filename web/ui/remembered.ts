import type { RoomId } from '../base/index.ts'

/** Small choices of this device (theme, open section, what was read). Where storage is refused they last as long as the page. */
const fallback = new Map<string, string>()

export function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(`tabmesh.${key}`) ?? undefined
  } catch {
    // Storage is refused: the page works without memory.
    return fallback.get(key)
  }
}

export function remember(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`tabmesh.${key}`)
    else localStorage.setItem(`tabmesh.${key}`, value)
  } catch {
    // The same as above; a choice is lost at reload, nothing more.
    if (value === undefined) fallback.delete(key)
    else fallback.set(key, value)
  }
}

/** What is kept of one room: what was typed and not sent, what was read. */
const OF_ROOM = ['typed', 'read'] as const

export function roomKey(what: (typeof OF_ROOM)[number], roomId: RoomId): string {
  return `${what}.${roomId}`
}

/** Nothing about the room is left here. */
export function forgetRoom(roomId: RoomId): void {
  for (const what of OF_ROOM) remember(roomKey(what, roomId), undefined)
}
