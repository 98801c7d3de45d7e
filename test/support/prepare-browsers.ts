/** Finds (or installs, see `browsers.ts`) what the end-to-end tests drive, and says what it is. */
import { findBrowser } from './browsers.ts'

for (const name of ['chromium', 'firefox'] as const) {
  try {
    console.log(`${name}: ${findBrowser(name).executablePath ?? "Playwright's own"}`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
