import { parseDate } from '@internationalized/date'
import { describe, expect, it } from 'vitest'
import { dayAt, daysIn, daysOf, shifted } from './range'

describe('ranges of days', () => {
  it('begin and end with the days of the zone, not of the machine', () => {
    expect(dayAt('2026-11-30T22:30:00.000Z', 'Europe/Istanbul').toString()).toBe('2026-12-01')
    expect(dayAt('2026-11-30T22:30:00.000Z', 'America/Los_Angeles').toString()).toBe('2026-11-30')
  })

  it.each([
    ['today', '2026-03-01', '2026-03-02'],
    ['yesterday', '2026-02-28', '2026-03-01'],
    ['last_7_days', '2026-02-23', '2026-03-02'],
    ['last_30_days', '2026-01-31', '2026-03-02'],
    ['last_12_months', '2025-03-02', '2026-03-02'],
    ['all', undefined, undefined],
  ] as const)('%s is whole days with today in it', (name, from, to) => {
    expect(daysOf(name, parseDate('2026-03-01'))).toEqual(from === undefined ? {} : { from, to })
  })

  it('move by their own length, over the ends of months and years', () => {
    expect(shifted({ from: '2026-12-29', to: '2027-01-05' }, 1)).toEqual({
      from: '2027-01-05',
      to: '2027-01-12',
    })
    expect(shifted({ from: '2026-03-01', to: '2026-03-02' }, -1)).toEqual({
      from: '2026-02-28',
      to: '2026-03-01',
    })
    expect(shifted({}, 1)).toBeUndefined()
  })

  it('have as many days as the calendar says', () => {
    expect(daysIn({ from: '2026-02-01', to: '2026-03-01' })).toBe(28)
    expect(daysIn({})).toBeUndefined()
  })
})
