import { useEffect, useState } from 'react'
import { type JoinOptions, joinRoom } from '../browser.ts'
import type { CloseReason, MeshNode } from '../node.ts'

export type RoomView =
  | { readonly state: 'joining'; readonly node?: undefined }
  | { readonly state: 'open'; readonly node: MeshNode }
  /** Not joined: a BrowserError, an OptionError, or another that `joinRoom` names. */
  | { readonly state: 'failed'; readonly node?: undefined; readonly error: Error }
  | { readonly state: 'closed'; readonly node?: undefined; readonly reason: CloseReason }

const JOINING: RoomView = { state: 'joining' }

/**
 * Joins a room while the component is shown, and leaves it with the component. Joins anew when `room`, `name` or another
 * option has another value; the object itself may be a new one each time. `undefined` joins none yet.
 */
export function useRoom(options: Omit<JoinOptions, 'signal'> | undefined): RoomView {
  const [view, setView] = useState<RoomView>(JOINING)
  const key = options === undefined ? undefined : JSON.stringify(options)
  useEffect(() => {
    setView(JOINING)
    if (options === undefined) return undefined
    const left = new AbortController()
    const show = (next: RoomView) => {
      if (!left.signal.aborted) setView(next)
    }
    joinRoom({ ...options, signal: left.signal }).then(
      (node) => {
        if (left.signal.aborted) return void node.close()
        left.signal.addEventListener('abort', () => void node.close())
        show({ state: 'open', node })
        return node.closed.then((reason) => show({ state: 'closed', reason }))
      },
      (error: Error) => show({ state: 'failed', error }),
    )
    return () => left.abort()
  }, [key])
  return view
}
