import { afterEach, describe, expect, test, vi } from 'vitest'
import { followPage } from '../../web/browser-page.ts'

afterEach(() => vi.unstubAllGlobals())

function followed() {
  const page = new EventTarget()
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  const did: string[] = []
  vi.stubGlobal('document', document)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('location', { reload: () => did.push('reload') })
  const node = {
    updateProfile: ({ isHidden }: { isHidden?: boolean }) => did.push(isHidden ? 'hidden' : 'shown'),
    close: async () => void did.push('close'),
  }
  const stop = followPage(node, { hurry: (news) => did.push(`hurry ${news}`) })
  const show = (persisted: boolean) => page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }))
  return { page, document, did, stop, show }
}

describe('what becomes of the page', () => {
  test('PAGE1: thawed, online again or shown from the cache: signaling is reached anew at once', () => {
    const { page, document, did, stop, show } = followed()
    document.dispatchEvent(new Event('resume'))
    page.dispatchEvent(new Event('online'))
    show(true)
    show(false)
    expect(did).toEqual(['shown', 'hurry network', 'hurry network', 'hurry network'])
    stop()
    page.dispatchEvent(new Event('online'))
    expect(did.length).toBe(4)
  })

  test('PAGE1: shown again, signaling is tried at once; hidden, it is left alone', () => {
    const { document, did } = followed()
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(did).toEqual(['shown', 'hidden', 'shown', 'hurry shown'])
  })

  test('PAGE2: a page that said goodbye and comes back from the cache is loaded again', () => {
    const { page, did, stop, show } = followed()
    page.dispatchEvent(new Event('pagehide'))
    stop()
    show(true)
    expect(did).toEqual(['shown', 'close', 'reload'])
  })
})
