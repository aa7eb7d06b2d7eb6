/** What channels and platforms are called, and the colour that each channel keeps. */

import type { CatalogueStep } from '@/api/generated'

const SERIES: Readonly<Record<string, number>> = {
  push: 1,
  sms: 2,
  email: 3,
  in_app: 4,
  voice: 5,
  viber: 6,
  whatsapp: 7,
  webhook: 8,
}
const UNKNOWN_SERIES = 8

const PLATFORM_TITLES: Readonly<Record<string, string>> = {
  ios: 'iOS',
  android: 'Android',
  web: 'Web',
  none: 'No platform',
}

/** A channel's colour; those that are not among the eight known ones share one. */
export const channelColour = (channel: string): string => `var(--series-${SERIES[channel] ?? UNKNOWN_SERIES})`

/** A channel's title in the catalogue; else its name as a word. */
export function channelTitle(kinds: readonly CatalogueStep[], channel: string): string {
  const known = kinds.find((kind) => kind.type === 'message' && kind.channel === channel)
  const word = channel.replaceAll('_', ' ')
  return known?.title ?? word.charAt(0).toUpperCase() + word.slice(1)
}

export const platformTitle = (platform: string): string => PLATFORM_TITLES[platform] ?? platform
