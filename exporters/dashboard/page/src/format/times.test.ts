import { describe, expect, it } from 'vitest'
import { bucketStart, clockTime, days, offset } from './times'

describe('times', () => {
  it("are those of the account's zone", () => {
    expect(clockTime('2026-11-30T22:30:07.000Z', 'Europe/Istanbul')).toBe('01:30:07')
    expect(clockTime('2026-11-30T22:30:07.000Z', 'UTC')).toBe('22:30:07')
  })

  it.each([
    ['Europe/Istanbul', 'UTC+3'],
    ['UTC', 'UTC'],
    ['America/St_Johns', 'UTC−3:30'],
    ['Asia/Kathmandu', 'UTC+5:45'],
    ['America/Los_Angeles', 'UTC−8'],
  ])('%s is %s in November', (zone, text) => {
    expect(offset('2026-11-30T12:00:00.000Z', zone)).toBe(text)
  })

  it.each([
    [{}, 'All time'],
    [{ from: '2026-11-07', to: '2026-11-08' }, '7 Nov 2026'],
    [{ from: '2026-11-01', to: '2026-11-08' }, '1–7 Nov 2026'],
    [{ from: '2026-10-28', to: '2026-11-04' }, '28 Oct–3 Nov 2026'],
    [{ from: '2025-12-30', to: '2026-01-02' }, '30 Dec 2025–1 Jan 2026'],
  ])('a range names its last day, not the day after: %j', (range, text) => {
    expect(days(range)).toBe(text)
  })

  it.each([
    ['2026-11-07', 'day', '7 Nov'],
    ['2026-11-07T13:00', 'hour', '7 Nov, 13:00'],
    ['2026-11-07', 'hour', '7 Nov, 00:00'],
    ['2026-11-01', 'month', 'Nov 2026'],
  ])('the bucket from %s by %s is called %s', (start, bucket, text) => {
    expect(bucketStart(start, bucket)).toBe(text)
  })
})
