import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import type { MeshNode } from './node.ts'
import { App } from './ui/app.tsx'
import { createLoader } from './ui/parts/part.tsx'
import { createSession } from './ui/session.ts'
import './ui/styles/index.css'
import { registerServiceWorker } from './ui/update/service-worker.ts'

declare global {
  interface Window {
    /** The room's node, once it is joined. */
    tabmesh?: MeshNode | undefined
  }
}

/** The node's code comes beside the first view, not before it. */
const browser = createLoader(() => import('./browser.ts'))

const session = createSession({
  // A proxy may have put the page below a path, and the server with it.
  joinRoom: async (options) =>
    (await browser.load()).joinRoom({ ...options, signalingUrl: new URL('.', location.href).href }),
  openProfile: async () => (await browser.load()).openProfile(),
  onNode: (node) => {
    if (node === undefined) delete window.tabmesh
    else window.tabmesh = node
  },
})
const root = document.querySelector('#root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App session={session} />
    </StrictMode>,
  )
}
session.follow()
if (import.meta.env.PROD) {
  registerServiceWorker().catch((error: unknown) => console.warn('The page works, but not offline:', error))
}
