/** Ranges of days in the account's zone: by name, which moves with the days, or from one day to another. */

import { type CalendarDate, parseAbsolute, parseDate, toCalendarDate } from '@internationalized/date'

export const RANGE_NAMES = [
  'today',
  'yesterday',
  'last_7_days',
  'last_30_days',
  'last_12_months',
  'all',
] as const
export type RangeName = (typeof RANGE_NAMES)[number]

/** Half-open: `from` is the first day, `to` the first day after it; both missing means all time. */
export interface Range {
  from?: string
  to?: string
}

export const RANGE_TITLES: Record<RangeName, string> = {
  today: 'Today',
  yesterday: 'Yesterday',
  last_7_days: 'Last 7 days',
  last_30_days: 'Last 30 days',
  last_12_months: 'Last 12 months',
  all: 'All time',
}

export const isRangeName = (value: string): value is RangeName =>
  (RANGE_NAMES as readonly string[]).includes(value)

/** Whether a text is a day that exists, as 2026-11-01. */
export function isDay(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false
  try {
    return parseDate(value).toString() === value
  } catch {
    return false
  }
}

/** The day it is in a zone at an instant. */
export const dayAt = (instant: string, zone: string): CalendarDate =>
  toCalendarDate(parseAbsolute(instant, zone))

/** The days of a named range, on a day. */
export function daysOf(name: RangeName, today: CalendarDate): Range {
  const tomorrow = today.add({ days: 1 })
  const until = (from: CalendarDate, to = tomorrow): Range => ({ from: from.toString(), to: to.toString() })
  switch (name) {
    case 'today':
      return until(today)
    case 'yesterday':
      return until(today.subtract({ days: 1 }), today)
    case 'last_7_days':
      return until(today.subtract({ days: 6 }))
    case 'last_30_days':
      return until(today.subtract({ days: 29 }))
    case 'last_12_months':
      return until(today.subtract({ months: 12 }).add({ days: 1 }))
    case 'all':
      return {}
  }
}

/** How many days a range has; undefined for all time. */
export function daysIn(range: Range): number | undefined {
  if (range.from === undefined || range.to === undefined) return undefined
  return parseDate(range.to).compare(parseDate(range.from))
}

/** The range of the same length before (-1) or after (1) a range; all time has none. */
export function shifted(range: Range, direction: -1 | 1): Range | undefined {
  const days = daysIn(range)
  if (days === undefined || range.from === undefined || range.to === undefined) return undefined
  const by = { days: days * direction }
  return { from: parseDate(range.from).add(by).toString(), to: parseDate(range.to).add(by).toString() }
}
