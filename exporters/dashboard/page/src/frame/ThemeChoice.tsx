import { Monitor, Moon, Sun } from 'lucide-react'
import { IconButton } from '@/parts/Controls'
import { chooseTheme, THEMES, type Theme, useTheme } from './theme'

const ICONS = { system: Monitor, light: Sun, dark: Moon }
const TITLES: Record<Theme, string> = { system: "the system's", light: 'light', dark: 'dark' }

/** Goes from the system's theme to light, to dark, and back. */
export function ThemeChoice() {
  const theme = useTheme()
  const Icon = ICONS[theme]
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'
  return (
    <IconButton label={`Theme: ${TITLES[theme]}`} onPress={() => chooseTheme(next)}>
      <Icon aria-hidden />
    </IconButton>
  )
}
