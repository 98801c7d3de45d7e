import { watchUpdates } from './updates.ts'

const CHECK_MS = 3_600_000

/** Registers the service worker and looks for a newer one hourly and when the page comes back. */
export async function registerServiceWorker(): Promise<void> {
  const { serviceWorker } = navigator
  if (serviceWorker === undefined) return
  const registration = await serviceWorker.register('./sw.js')
  watchUpdates({ registration, container: serviceWorker, reload: () => location.reload() })
  const check = () => {
    registration.update().catch(() => {
      // Offline: the next check finds it.
    })
  }
  setInterval(check, CHECK_MS)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && check())
}
