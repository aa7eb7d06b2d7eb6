/** What converts an entry, in words: a version's goal, its property filter and its window. */

import type { Version } from '@/api/generated'
import { counted, duration } from '@/format/figures'

export type Defined = Pick<Version, 'journey_version' | 'defined' | 'goal' | 'conversion_window_ms'>

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** "purchase_completed · plan = pro · until 3 days after exit" */
export function goalInWords({
  defined,
  goal,
  conversion_window_ms,
}: Omit<Defined, 'journey_version'>): string {
  if (!defined) return 'not defined yet'
  if (goal === null) return 'no goal'
  const filters = Object.entries(goal.properties).map(([name, value]) => `${name} = ${value}`)
  return [
    goal.name,
    ...filters,
    ...(conversion_window_ms === null ? [] : [windowInWords(conversion_window_ms)]),
  ].join(' · ')
}

/** "until 3 days after exit" */
export function windowInWords(ms: number): string {
  if (ms === 0) return 'until the exit'
  const length =
    ms % DAY_MS === 0
      ? counted(ms / DAY_MS, 'day')
      : ms % HOUR_MS === 0
        ? counted(ms / HOUR_MS, 'hour')
        : duration(ms)
  return `until ${length} after exit`
}

/** "v1–3, 5" */
export function versionsInWords(versions: readonly number[]): string {
  const runs: [number, number][] = []
  for (const version of [...versions].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && version === last[1] + 1) last[1] = version
    else runs.push([version, version])
  }
  return `v${runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(', ')}`
}

export interface GoalGroup {
  /** "v1–3"; undefined where there is only one version. */
  versions: string | undefined
  words: string
}

/** The goals of the versions, the newest first; versions with equal goal and window stand together. */
export function goalGroups(versions: readonly Defined[]): GoalGroup[] {
  const byWords = new Map<string, number[]>()
  for (const version of [...versions].sort((a, b) => b.journey_version - a.journey_version)) {
    const words = goalInWords(version)
    byWords.set(words, [...(byWords.get(words) ?? []), version.journey_version])
  }
  return [...byWords].map(([words, numbers]) => ({
    versions: versions.length > 1 ? versionsInWords(numbers) : undefined,
    words,
  }))
}
