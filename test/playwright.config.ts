import { defineConfig, type PlaywrightTestConfig } from '@playwright/test'
import { type BrowserName, findBrowser, launchOptions } from './support/browsers.ts'

type Project = NonNullable<PlaywrightTestConfig['projects']>[number]

/** Specs that only one engine can run, and why, are named by their ending. */
const CHROMIUM_ONLY = /\.chromium\.spec\.ts$/
/**
 * What is about the room and not about one engine: each story runs once, with Bob in Firefox and the others in Chromium, which
 * shows more than once in each.
 */
const ROOMS =
  /(^|\/)(attaching|chat|conversation|data|embed|examples|job|limits|mixed|network|queue|room|signaling)\.spec\.ts$/
/** Views, and what is told of them: one engine's layout stands for both, and the smoke of `page.spec.ts` runs in each. */
const VIEWS = /(^|\/)a11y\.spec\.ts$/

function project(browserName: BrowserName, testIgnore: RegExp[]): Project {
  const setup = findBrowser(browserName)
  const { headless: _, channel, ...launch } = launchOptions(setup)
  return {
    name: browserName,
    testIgnore,
    use: { browserName, ...(channel === undefined ? {} : { channel }), launchOptions: launch },
  }
}

export default defineConfig({
  testDir: 'e2e',
  outputDir: '../test-results',
  globalSetup: './e2e/fixtures/global-setup.ts',
  /** Two cores: one room at a time, or a room's heartbeats wait for another room's work. */
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  reporter: [['list']],
  expect: { timeout: 10_000 },
  use: {
    actionTimeout: 10_000,
    navigationTimeout: 15_000,
    serviceWorkers: 'allow',
    viewport: { width: 1280, height: 900 },
    trace: 'off',
    screenshot: 'only-on-failure',
  },
  projects: [
    { ...project('chromium', []), name: 'rooms', testMatch: ROOMS, metadata: { isMixed: true } },
    project('chromium', [ROOMS]),
    project('firefox', [ROOMS, VIEWS, CHROMIUM_ONLY]),
  ],
})
