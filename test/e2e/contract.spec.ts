import { storeCases } from '../contract/store.ts'
import { TRANSPORT_RULES } from '../contract/transport.ts'
import { test } from './fixtures/actors.ts'

interface ContractWindow {
  runStoreCase(title: string): Promise<void>
  runTransportRule(title: string, signalingUrl: string): Promise<void>
}
declare const window: Window & ContractWindow

test.beforeEach(async ({ page, server }) => {
  await page.goto(`${server.pages.url}/contract`)
  await page.waitForFunction(() => 'runStoreCase' in window)
})

test.describe('store contract on IndexedDB', () => {
  for (const { title } of storeCases) {
    test(title, async ({ page }) => {
      await page.evaluate((wanted) => window.runStoreCase(wanted), title)
    })
  }
})

test.describe('transport contract on PeerJS', () => {
  for (const { title } of TRANSPORT_RULES) {
    test(title, async ({ page, server }) => {
      await page.evaluate(([wanted, url]) => window.runTransportRule(wanted, url), [
        title,
        server.url,
      ] as const)
    })
  }
})
