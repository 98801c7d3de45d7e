import { createObservable } from './observable.ts'
import { remember, remembered } from './remembered.ts'

export type Theme = 'auto' | 'light' | 'dark'
const NEXT: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' }

export const theme = createObservable<Theme>(read())

/** Auto follows the system; the inline script in index.html applies the choice before the first paint. */
export function cycleTheme(): void {
  const next = NEXT[theme.get()]
  remember('theme', next === 'auto' ? undefined : next)
  if (next === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
  theme.set(next)
}

function read(): Theme {
  const kept = remembered('theme')
  return kept === 'light' || kept === 'dark' ? kept : 'auto'
}
