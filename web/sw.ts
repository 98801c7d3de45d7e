/// <reference lib="webworker" />
import { findKept, keepBuild, takeOver } from './ui/update/kept-builds.ts'

/** Set by the build: its id, and the paths of everything that the page needs, the page itself first. */
declare const __BUILD_ID__: string
declare const __PRECACHE__: readonly string[]

const PREFIX = 'tabmesh-'
const CURRENT = PREFIX + __BUILD_ID__
declare const self: ServiceWorkerGlobalScope
/** The folder that the page is served from: behind a proxy it may be any. */
const PAGE = new URL('.', self.location.href).pathname
const FILES = __PRECACHE__.map((path) => PAGE + path.slice(1))

/**
 * Answers for the page and its own hashed files and for nothing else: signaling, configuration, health and metrics are
 * never even looked at, since only listed paths are taken.
 */
self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (request.mode === 'navigate') {
    if (url.pathname === PAGE) event.respondWith(answer(PAGE, request))
    return
  }
  // A tab that still runs the version before finds its lazy parts in that version's cache.
  if (FILES.includes(url.pathname) || url.pathname.startsWith(`${PAGE}assets/`)) {
    event.respondWith(answer(url.pathname, request))
  }
})

self.addEventListener('install', (event) => {
  event.waitUntil(keepBuild(caches, CURRENT, FILES))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(activate())
})

/** The only command: the page sends it when a person has pressed Reload. */
self.addEventListener('message', (event) => {
  const data: unknown = event.data
  if (typeof data === 'object' && data !== null && 'type' in data && data.type === 'SKIP_WAITING') {
    event.waitUntil(self.skipWaiting())
  }
})

async function activate(): Promise<void> {
  await takeOver(caches, PREFIX, CURRENT).catch(() => {
    // Storage that fails costs no page its worker: what is not dropped now, the next version drops.
  })
  await self.clients.claim()
}

async function answer(path: string, request: Request): Promise<Response> {
  return (await findKept(caches, CURRENT, path)) ?? fetch(request)
}
