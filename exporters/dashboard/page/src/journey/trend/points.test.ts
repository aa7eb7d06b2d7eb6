import { describe, expect, it } from 'vitest'
import type { Bucket, CatalogueAnswer } from '@/api/generated'
import { Catalogue } from '@/number/catalogue'
import { pointsOf, trendNumbers } from './points'

const day = (date: number, numbers: Bucket['numbers']): Bucket => ({
  start: `2026-11-0${date}`,
  end: `2026-11-0${date + 1}`,
  starts_at: `2026-11-0${date}T00:00:00.000Z`,
  ends_at: `2026-11-0${date + 1}T00:00:00.000Z`,
  numbers,
})
const entry = (name: string, unit: string) => ({ name, unit, scopes: ['journey'] })

describe('points of a trend', () => {
  it('mark the bucket that is not over, and leave out those to come', () => {
    const series = [1, 2, 3].map((date) => day(date, { total_entries: date < 3 ? date : 0 }))
    const points = pointsOf(series, 'total_entries', 'day', '2026-11-02T12:00:00.000Z')
    expect(points.map(({ value, isSoFar }) => [value, isSoFar])).toEqual([
      [1, false],
      [2, true],
      [null, false],
    ])
  })

  it('show what is counted ahead of the clock', () => {
    const series = [day(3, { total_entries: 5 })]
    expect(pointsOf(series, 'total_entries', 'day', '2026-11-02T12:00:00.000Z')[0]?.value).toBe(5)
  })

  it('have no value where a filter does not apply to the number', () => {
    expect(pointsOf([day(1, {})], 'total_entries', 'day', '2026-11-02T12:00:00.000Z')[0]?.value).toBeNull()
  })
})

describe('numbers of a trend', () => {
  it('are the counts that the answer has, its own before those of messages', () => {
    const catalogue = new Catalogue({
      numbers: [
        entry('sent.events', 'events'),
        entry('sent.messages', 'messages'),
        entry('total_entries', 'entries'),
        entry('sent.users', 'users'),
        entry('conversion_rate', 'share'),
        { ...entry('entered', 'entries'), scopes: ['step'] },
      ],
    } as unknown as CatalogueAnswer)
    const numbers = { total_entries: 0, sent: { events: 1, messages: 1 }, entered: 1, conversion_rate: 0.5 }
    expect(trendNumbers(catalogue, numbers).map(({ name }) => name)).toEqual([
      'total_entries',
      'sent.messages',
      'sent.events',
    ])
  })
})
