/** Filters in words. */

import type { Filters } from '@/url/search'

const NAMES: Record<keyof Filters, string> = {
  version: 'version',
  step: 'step',
  channel: 'channel',
  platform: 'platform',
  variant: 'variant',
  clock: 'clock',
}

/** "version 2, channel push"; the empty text without filters. */
export const filtersInWords = (filters: Filters): string =>
  Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${NAMES[name as keyof Filters]} ${value === '' ? 'none' : value}`)
    .join(', ')
