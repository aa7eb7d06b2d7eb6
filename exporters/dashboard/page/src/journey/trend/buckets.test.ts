import { describe, expect, it } from 'vitest'
import { bucketInWords, bucketOf, bucketsFor, defaultBucket, MOST_BUCKETS } from './buckets'

describe('the bucket of a range', () => {
  it('follows its length when nobody chose one', () => {
    expect([1, 2, 3, 92, 93, 731, 732].map(defaultBucket)).toEqual([
      'hour',
      'hour',
      'day',
      'day',
      'week',
      'week',
      'month',
    ])
  })

  it('is the chosen one where the range takes it, else that of its length', () => {
    const week = { from: '2026-11-01', to: '2026-11-08' }
    expect(bucketOf('hour', week)).toBe('hour')
    expect(bucketOf('month', week)).toBe('day')
    expect(bucketOf('hour', { from: '2026-01-01', to: '2026-12-31' })).toBe('week')
  })

  it('is never one that the API would refuse', () => {
    expect(bucketsFor(31)).toContain('hour')
    expect(bucketsFor(32)).not.toContain('hour')
    expect(bucketsFor(MOST_BUCKETS)).toContain('day')
    expect(bucketsFor(MOST_BUCKETS + 1)).not.toContain('day')
  })

  it('is always offered when it is the default', () => {
    for (let days = 1; days < 6000; days++) expect(bucketsFor(days)).toContain(defaultBucket(days))
  })
})

describe('a bucket in words', () => {
  it('says the whole of it, its last day included', () => {
    expect(bucketInWords('2026-11-07', '2026-11-08', 'day')).toBe('7 Nov 2026')
    expect(bucketInWords('2026-11-02', '2026-11-09', 'week')).toBe('2–8 Nov 2026')
    expect(bucketInWords('2026-11-01', '2026-12-01', 'month')).toBe('1–30 Nov 2026')
  })

  it('says hours by their local times, the last of a day too', () => {
    expect(bucketInWords('2026-11-07T13:00', '2026-11-07T14:00', 'hour')).toBe('7 Nov, 13:00–14:00')
    expect(bucketInWords('2026-11-07T23:00', '2026-11-08', 'hour')).toBe('7 Nov, 23:00–00:00')
  })
})
