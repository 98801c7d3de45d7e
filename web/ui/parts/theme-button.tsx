import { Moon, Sun, SunMoon } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { text } from '../text.ts'
import { cycleTheme, theme } from '../theme.ts'

const ICONS = { auto: SunMoon, light: Sun, dark: Moon } as const

export function ThemeButton() {
  const current = useSyncExternalStore(theme.subscribe, theme.get)
  const Icon = ICONS[current]
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={text.themes[current]}
      title={text.themes[current]}
      onClick={cycleTheme}
    >
      <Icon aria-hidden="true" />
    </button>
  )
}
