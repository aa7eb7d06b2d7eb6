/** Which part of a journey a figure counts, and the question whose answer it is. */

import type { Parameters } from '@/api/client'
import type { View } from '@/api/view'
import { asked } from '@/api/view'
import { type Clock, defined, type Platform, type Search } from '@/url/search'

export interface Scope {
  journey: string
  version?: number | undefined
  step?: string | undefined
  channel?: string | undefined
  platform?: Platform | undefined
  /** Where the number is that of one clock, whatever the view's: that of a cohort. */
  clock?: Clock | undefined
}

/** The parameters of a question about a scope: those of the view, narrowed. */
export function narrowed(view: Pick<View, 'account' | 'range' | 'filters'>, scope: Scope): Parameters {
  const { journey: _, ...part } = scope
  return { ...asked(view), ...defined(part) }
}

/** The part of the URL that opens the people of a number; `undefined` closes them. */
export function peopleOf(
  number: string | undefined,
  scope?: Scope,
): { [Name in keyof Search]?: Search[Name] | undefined } {
  return {
    people: number,
    people_journey: scope?.journey,
    people_version: scope?.version,
    people_step: scope?.step,
    people_channel: scope?.channel,
    people_platform: scope?.platform,
    people_clock: scope?.clock,
  }
}

/** The scope that the URL names, on a page about a journey or not. */
export function scopeOf(search: Search, journey: string | undefined): Scope | undefined {
  const named = search.people_journey ?? journey
  if (named === undefined) return undefined
  return {
    journey: named,
    version: search.people_version,
    step: search.people_step,
    channel: search.people_channel,
    platform: search.people_platform,
    clock: search.people_clock,
  }
}
