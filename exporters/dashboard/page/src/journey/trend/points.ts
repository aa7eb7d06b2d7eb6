/** The points of a trend: one number in each bucket. */

import type { Bucket } from '@/api/generated'
import { bucketStart } from '@/format/times'
import type { Catalogue, NumberEntry } from '@/number/catalogue'
import type { ChartPoint } from '@/parts/Chart'
import type { BucketName } from '@/url/search'
import { numberIn } from '../numbers'
import { bucketInWords } from './buckets'

export const DEFAULT_TREND = 'total_entries'

const COUNTED: ReadonlySet<string> = new Set(['entries', 'users', 'messages', 'events'])

/** The numbers that a trend can show: every count that the answer has, those of messages after the others. */
export const trendNumbers = (catalogue: Catalogue, numbers: object | undefined): NumberEntry[] =>
  (catalogue.answer?.numbers ?? [])
    .filter(
      ({ name, scopes, unit }) =>
        scopes.includes('journey') && COUNTED.has(unit) && typeof numberIn(numbers, name) === 'number',
    )
    .sort((a, b) => placeOf(a.name) - placeOf(b.name))

/** Its own numbers, then messages, then events of messages and what is open. */
const placeOf = (name: string): number => (!name.includes('.') ? 0 : name.endsWith('.messages') ? 1 : 2)

/**
 * One number in each bucket, as of an instant.
 *
 * A bucket that has not begun has no value, unless something is counted in it already.
 */
export function pointsOf(
  series: readonly Bucket[],
  number: string,
  bucket: BucketName,
  asOf: string,
): ChartPoint[] {
  const now = Date.parse(asOf)
  return series.map(({ start, end, starts_at, ends_at, numbers }) => {
    const value = numberIn(numbers, number) ?? null
    const isToCome = Date.parse(starts_at) > now && value === 0
    return {
      key: start,
      label: bucketStart(start, bucket),
      title: bucketInWords(start, end, bucket),
      value: isToCome ? null : value,
      isSoFar: Date.parse(starts_at) <= now && now < Date.parse(ends_at),
    }
  })
}
