import { createObservable, type Observable } from '../observable.ts'

/** A version of the page that is installed and waits, or that runs already in this browser's other tabs. */
export interface Update {
  /** Switches to it and loads the page again. */
  readonly load: () => void
}

export interface WatchedPage {
  readonly registration: Pick<ServiceWorkerRegistration, 'waiting' | 'installing' | 'addEventListener'>
  readonly container: Pick<ServiceWorkerContainer, 'controller' | 'addEventListener'>
  reload(): void
}

/** The newest version that may be loaded; each one that comes is another object, so that "later" is said of one alone. */
export const waitingUpdate: Observable<Update | undefined> = createObservable<Update | undefined>(undefined)

/** Offers each version that is installed while this page is open, whoever found it; and the one that another tab has begun. */
export function watchUpdates({ registration, container, reload }: WatchedPage): void {
  /** A page that no worker serves yet runs the newest version: the first one to take it over is no update. */
  let hasController = container.controller !== null
  const offer = (worker: ServiceWorker) => waitingUpdate.set({ load: () => switchTo(worker) })
  const switchTo = (worker: ServiceWorker) => {
    // Another tab has begun it, or a newer one stands in its place: what serves the page by now is loaded.
    if (registration.waiting !== worker) return reload()
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated' || worker.state === 'redundant') reload()
    })
    worker.postMessage({ type: 'SKIP_WAITING' })
  }
  const follow = (worker: ServiceWorker) =>
    worker.addEventListener('statechange', () => {
      if (worker.state === 'installed' && hasController) offer(worker)
    })
  container.addEventListener('controllerchange', () => {
    if (hasController) waitingUpdate.set({ load: reload })
    hasController = true
  })
  registration.addEventListener('updatefound', () => {
    if (registration.installing) follow(registration.installing)
  })
  if (registration.installing) follow(registration.installing)
  if (registration.waiting && hasController) offer(registration.waiting)
}
