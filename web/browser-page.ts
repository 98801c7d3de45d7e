import type { MeshNode, NodePorts } from './node.ts'

/**
 * Tells the room what becomes of the page: hidden or shown, and its end, while there is still time. A page that comes back
 * from the back-forward cache has left the room and its slot may be another's: it is loaded again. A page that was frozen,
 * or whose device was offline, or that is shown again, reaches for signaling at once; its links find out by themselves
 * whether they are dead.
 */
export function followPage(
  node: Pick<MeshNode, 'updateProfile' | 'close'>,
  transport: Pick<NodePorts['transport'], 'hurry'>,
): () => void {
  const controller = new AbortController()
  const { signal } = controller
  let isGone = false
  const tellVisibility = () => node.updateProfile({ isHidden: document.visibilityState === 'hidden' })
  tellVisibility()
  document.addEventListener('visibilitychange', tellVisibility, { signal })
  addEventListener(
    'pagehide',
    () => {
      isGone = true
      void node.close()
    },
    { signal },
  )
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') transport.hurry('shown')
    },
    { signal },
  )
  const hurry = () => transport.hurry('network')
  addEventListener(
    'pageshow',
    ({ persisted }) => {
      if (!persisted) return
      if (isGone) location.reload()
      else hurry()
    },
    { signal },
  )
  document.addEventListener('resume', hurry, { signal })
  addEventListener('online', hurry, { signal })
  return () => {
    if (!isGone) controller.abort()
  }
}
