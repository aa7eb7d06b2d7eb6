/** Instants and days in the account's zone; the browser's own zone is never used. */

import { parseDate } from '@internationalized/date'
import type { Range } from '@/url/range'

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`
  let found = formats.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone })
    formats.set(key, found)
  }
  return found
}

/** 14:03:07 */
export const clockTime = (instant: string | number, zone: string): string =>
  format(zone, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(instant))

/** 30 Nov 2026, 14:00 */
export const dayAndTime = (instant: string | number, zone: string): string =>
  format(zone, 'minute', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(new Date(instant))

/** UTC+3, UTC−4:30, UTC: what a zone is ahead of UTC at an instant. */
export function offset(instant: string | number, zone: string): string {
  const parts = format(zone, 'offset', { timeZoneName: 'longOffset' }).formatToParts(new Date(instant))
  const named = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT'
  const [, sign = '', hours = '', minutes = ''] = /^GMT([+-]?)(\d*):?(\d*)/.exec(named) ?? []
  if (Number(hours) === 0 && Number(minutes) === 0) return 'UTC'
  return `UTC${sign === '-' ? '−' : '+'}${Number(hours)}${minutes && minutes !== '00' ? `:${minutes}` : ''}`
}

/** 1 Nov 2026 */
const day = (text: string, options: Intl.DateTimeFormatOptions): string =>
  format('UTC', JSON.stringify(options), options).format(new Date(`${text}T00:00:00Z`))

/** A half-open range as people say it, its last day included: 1–7 Nov 2026. */
export function days(range: Range): string {
  if (range.from === undefined || range.to === undefined) return 'All time'
  const last = parseDate(range.to).subtract({ days: 1 }).toString()
  const whole = { day: 'numeric', month: 'short', year: 'numeric' } as const
  if (last === range.from) return day(last, whole)
  const sameYear = last.slice(0, 4) === range.from.slice(0, 4)
  const sameMonth = sameYear && last.slice(0, 7) === range.from.slice(0, 7)
  const first = sameMonth
    ? day(range.from, { day: 'numeric' })
    : day(range.from, sameYear ? { day: 'numeric', month: 'short' } : whole)
  return `${first}–${day(last, whole)}`
}

/** A bucket's start in local time, as an axis shows it: 7 Nov, 13:00, Nov 2026. */
export function bucketStart(start: string, bucket: string): string {
  const [date = start, hour] = start.split('T')
  if (bucket === 'month') return day(date, { month: 'short', year: 'numeric' })
  const name = day(date, { day: 'numeric', month: 'short' })
  return bucket === 'hour' ? `${name}, ${hour ?? '00:00'}` : name
}
