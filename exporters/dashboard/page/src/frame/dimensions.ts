/** What can be filtered by, and the values that are known of it. */

import type { JourneyAnswer } from '@/journey/question'
import { PLATFORMS, type Search } from '@/url/search'

export type Dimension = 'version' | 'step' | 'channel' | 'platform' | 'variant' | 'clock'

export const TITLES: Record<Dimension, string> = {
  version: 'Version',
  step: 'Step',
  channel: 'Channel',
  platform: 'Platform',
  variant: 'Variant',
  clock: 'Clock',
}

export const OF_JOURNEYS: readonly Dimension[] = ['channel', 'platform', 'clock']
export const OF_JOURNEY: readonly Dimension[] = ['version', 'step', 'channel', 'platform', 'variant', 'clock']
const COMMON_CHANNELS = ['push', 'sms', 'email', 'in_app', 'viber', 'whatsapp', 'voice', 'webhook']

export interface Value {
  id: string
  title: string
}

/** The values that are known of a dimension; undefined where any text is one. */
export function valuesOf(name: Dimension, answer: JourneyAnswer | undefined): Value[] | undefined {
  const same = (values: readonly string[]) => values.map((value) => ({ id: value, title: value }))
  switch (name) {
    case 'version':
      return answer?.versions.map(({ journey_version, name: title }) => ({
        id: String(journey_version),
        title: `${journey_version} · ${title}`,
      }))
    case 'step': {
      const titles = new Map(
        answer?.versions.flatMap(({ steps }) => steps.map((step) => [step.step_id, step.name] as const)),
      )
      return [...titles].map(([id, title]) => ({ id, title }))
    }
    case 'channel': {
      const own = answer?.versions.flatMap(({ steps }) =>
        steps.flatMap((step) => (step.numbers.channels ?? []).map((row) => row.channel)),
      )
      return same(own?.length ? [...new Set(own)].sort() : COMMON_CHANNELS)
    }
    case 'platform':
      return same(PLATFORMS)
    case 'clock':
      return [{ id: 'entry', title: CLOCKS.entry }]
    case 'variant':
      return undefined
  }
}

export const CLOCKS = {
  event: "by each event's own time",
  entry: 'by the time of the entry',
} as const

export function titleOf(name: Dimension, search: Search, answer: JourneyAnswer | undefined): string {
  const value = String(search[name])
  if (name === 'variant' && value === '') return 'none'
  return valuesOf(name, answer)?.find(({ id }) => id === value)?.title ?? value
}
