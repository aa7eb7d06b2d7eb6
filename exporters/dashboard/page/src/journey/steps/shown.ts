/** Which numbers a step shows: what the catalogue says of its type and channel. */

import type { CatalogueStep, Step } from '@/api/generated'
import { STATUSES } from '../channels/grouping'
import { numberIn } from '../numbers'

/** Numbers that every step has, in columns of their own. */
export const PASSED = ['entered', 'current', 'dropped'] as const
const RATES: readonly (readonly [rate: string, of: string])[] = [
  ['click_rate', 'clicked.messages'],
  ['fail_rate', 'failed.messages'],
]
export const DWELL = ['dwell.p50_ms', 'dwell.p90_ms'] as const
const MESSAGES = STATUSES.map((status) => `${status}.messages`)

/** Columns of a table of steps, in order, but for those that each has. */
export const COLUMNS: readonly string[] = [...MESSAGES, 'click_rate', 'fail_rate', 'goals', 'cost', ...DWELL]

/** The catalogue's row of a step: that of its type and channel, else that of its type. */
export const kindOf = (kinds: readonly CatalogueStep[], step: Pick<Step, 'type' | 'channel'>) =>
  kinds.find(({ type, channel }) => type === step.type && channel === step.channel) ??
  kinds.find(({ type, channel }) => type === step.type && channel === null)

/**
 * The columns in which a step has something to show.
 *
 * A step that no definition names shows every status that it has, because nobody said which are its own.
 */
export function shownBy(kinds: readonly CatalogueStep[], step: Step): ReadonlySet<string> {
  const numbers = kindOf(kinds, step)?.numbers ?? []
  const shown = new Set(numbers.filter((name) => MESSAGES.includes(name)))
  if (step.type === null) for (const name of MESSAGES) if (numberIn(step.numbers, name)) shown.add(name)
  for (const [rate, of] of RATES) if (shown.has(of)) shown.add(rate)
  const hasGoals = Object.keys(step.numbers.goals ?? {}).length > 0
  if (hasGoals || numbers.includes('goals.events')) shown.add('goals')
  if (Object.keys(step.numbers.cost ?? {}).length > 0) shown.add('cost')
  if (step.type !== 'end') for (const name of DWELL) shown.add(name)
  return shown
}

/** The columns that any of the steps shows. */
export function columnsOf(kinds: readonly CatalogueStep[], steps: readonly Step[]): string[] {
  const shown = steps.map((step) => shownBy(kinds, step))
  return COLUMNS.filter((name) => shown.some((one) => one.has(name)))
}
