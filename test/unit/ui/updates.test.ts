import { beforeEach, describe, expect, test, vi } from 'vitest'
import { waitingUpdate, watchUpdates } from '../../../web/ui/update/updates.ts'

class FakeWorker extends EventTarget {
  state: ServiceWorkerState = 'installing'
  readonly said: unknown[] = []
  becomes(state: ServiceWorkerState): void {
    this.state = state
    this.dispatchEvent(new Event('statechange'))
  }
  postMessage(words: unknown): void {
    this.said.push(words)
  }
}

/** One tab of a browser whose service worker is told what to do by the test. */
class FakePage {
  readonly registration = Object.assign(new EventTarget(), {
    waiting: null as FakeWorker | null,
    installing: null as FakeWorker | null,
  })
  readonly container = Object.assign(new EventTarget(), { controller: {} as object | null })
  readonly reload = vi.fn()

  watch(): void {
    watchUpdates(this as unknown as Parameters<typeof watchUpdates>[0])
  }

  /** A new version is found, installed, and waits. */
  finds(): FakeWorker {
    const worker = new FakeWorker()
    this.registration.installing = worker
    this.registration.dispatchEvent(new Event('updatefound'))
    this.registration.installing = null
    this.registration.waiting?.becomes('redundant')
    this.registration.waiting = worker
    worker.becomes('installed')
    return worker
  }

  /** It takes over, by this tab's wish or another's. */
  begins(worker: FakeWorker): void {
    this.registration.waiting = null
    worker.becomes('activating')
    this.container.controller = worker
    this.container.dispatchEvent(new Event('controllerchange'))
    worker.becomes('activated')
  }
}

describe('UI6: a new version', () => {
  beforeEach(() => waitingUpdate.set(undefined))

  test('UI6: is offered, and loaded once it has taken over', () => {
    const page = new FakePage()
    page.watch()
    const worker = page.finds()
    waitingUpdate.get()?.load()
    expect(worker.said).toEqual([{ type: 'SKIP_WAITING' }])
    expect(page.reload).not.toHaveBeenCalled()
    page.begins(worker)
    expect(page.reload).toHaveBeenCalledOnce()
  })

  test('UI6: that another tab has begun is loaded by this tab’s Reload at once', () => {
    const page = new FakePage()
    page.watch()
    const worker = page.finds()
    const offered = waitingUpdate.get()
    page.begins(worker)
    expect(page.reload).not.toHaveBeenCalled()
    offered?.load()
    waitingUpdate.get()?.load()
    expect(page.reload).toHaveBeenCalledTimes(2)
    expect(worker.said).toEqual([])
  })

  test('UI6: is offered after another was put off for later, as often as one comes', () => {
    const page = new FakePage()
    page.watch()
    const offers = new Set()
    for (let version = 0; version < 4; version++) {
      page.finds()
      offers.add(waitingUpdate.get())
    }
    expect(offers.size).toBe(4)
    waitingUpdate.get()?.load()
    expect(page.registration.waiting?.said).toEqual([{ type: 'SKIP_WAITING' }])
  })

  test('UI6: that gives way to a newer one while it is loaded ends in a reload, not in silence', () => {
    const page = new FakePage()
    page.watch()
    page.finds()
    waitingUpdate.get()?.load()
    page.finds()
    expect(page.reload).toHaveBeenCalledOnce()
  })

  test('UI6: that waited already when the page was opened is offered; the first of all is not', () => {
    const page = new FakePage()
    page.registration.waiting = new FakeWorker()
    page.watch()
    expect(waitingUpdate.get()).toBeDefined()
    waitingUpdate.set(undefined)
    const fresh = new FakePage()
    fresh.container.controller = null
    fresh.watch()
    fresh.begins(fresh.finds())
    expect(waitingUpdate.get()).toBeUndefined()
    fresh.begins(fresh.finds())
    expect(waitingUpdate.get()).toBeDefined()
  })
})
