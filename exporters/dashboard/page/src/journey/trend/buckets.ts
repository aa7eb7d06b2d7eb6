/** Into which buckets a range is cut, and how a bucket is called. */

import { bucketStart, days } from '@/format/times'
import { daysIn, type Range } from '@/url/range'
import { BUCKETS, type BucketName } from '@/url/search'

/** The most buckets that the API gives in one answer, as it is set by default. */
export const MOST_BUCKETS = 750

const HOURLY_DAYS = 2
const DAILY_DAYS = 92
const WEEKLY_DAYS = 731
/** A day has an hour more when the clocks go back. */
const MOST_IN: Record<BucketName, (days: number) => number> = {
  hour: (days) => days * 24 + 1,
  day: (days) => days,
  // The first and the last are cut to the range.
  week: (days) => Math.ceil(days / 7) + 1,
  month: (days) => Math.ceil(days / 28) + 1,
}
const LONGER_THAN_DAYS: Record<BucketName, number> = { hour: 0, day: 1, week: 7, month: 31 }

/** The bucket of a range of that many days when nobody chose one. */
export function defaultBucket(days: number): BucketName {
  if (days <= HOURLY_DAYS) return 'hour'
  if (days <= DAILY_DAYS) return 'day'
  return days <= WEEKLY_DAYS ? 'week' : 'month'
}

/** The buckets that the API gives for a range, and that cut it at all. */
export const bucketsFor = (days: number): BucketName[] =>
  BUCKETS.filter((bucket) => MOST_IN[bucket](days) <= MOST_BUCKETS && days > LONGER_THAN_DAYS[bucket])

/** The bucket that is shown: the chosen one where the range takes it. */
export function bucketOf(chosen: BucketName | undefined, range: Required<Range>): BucketName {
  const length = daysIn(range) ?? 0
  return chosen !== undefined && bucketsFor(length).includes(chosen) ? chosen : defaultBucket(length)
}

/** "7 Nov, 13:00–14:00", "7 Nov 2026", "2–8 Nov 2026": the whole of a bucket in local time. */
export function bucketInWords(start: string, end: string, bucket: BucketName): string {
  if (bucket === 'hour') return `${bucketStart(start, 'hour')}–${end.split('T')[1] ?? '00:00'}`
  return days({ from: dayOf(start), to: dayOf(end) })
}

const dayOf = (bound: string): string => bound.split('T')[0] ?? bound
