import { createObservable } from '../observable.ts'

const CHECK_MS = 3_600_000

/** Set when a new version is installed and waits; calling it switches to it and reloads. */
export const waitingUpdate = createObservable<(() => void) | undefined>(undefined)

/** Registers the service worker and looks for a newer one hourly and when the page comes back. */
export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return
  const { Workbox } = await import('workbox-window')
  const workbox = new Workbox('/sw.js')
  workbox.addEventListener('waiting', () => {
    waitingUpdate.set(() => {
      workbox.addEventListener('controlling', () => location.reload())
      workbox.messageSkipWaiting()
    })
  })
  const registration = await workbox.register()
  const check = () => {
    registration?.update().catch(() => {
      // Offline: the next check finds it.
    })
  }
  setInterval(check, CHECK_MS)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && check())
}
