/** The days that a sparkline shows: those of the range, or the last 30 where it has no beginning. */

import type { View } from '@/api/view'
import { dayAt, daysIn, daysOf, type Range } from '@/url/range'

const MOST_DAYS = 92
const HOURLY_DAYS = 2

export function trendRange(
  view: Pick<View, 'range' | 'heartbeat' | 'zone'>,
): { title: string; question: Required<Range> & { bucket: 'hour' | 'day' | 'week' } } | undefined {
  const { range, heartbeat, zone } = view
  if (heartbeat === undefined) return undefined
  const days = daysIn(range)
  if (days === undefined || range.from === undefined || range.to === undefined) {
    const last = daysOf('last_30_days', dayAt(heartbeat.as_of, zone)) as Required<Range>
    return { title: 'Entries, last 30 days', question: { ...last, bucket: 'day' } }
  }
  const bucket = days <= HOURLY_DAYS ? 'hour' : days <= MOST_DAYS ? 'day' : 'week'
  return { title: `Entries by ${bucket}`, question: { from: range.from, to: range.to, bucket } }
}
