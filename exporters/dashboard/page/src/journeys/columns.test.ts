import { describe, expect, it } from 'vitest'
import type { JourneySummary } from '@/api/generated'
import { foundBy, sortedBy } from './columns'

const journey = (
  journey_id: string,
  name: string,
  numbers: JourneySummary['numbers'] = {},
): JourneySummary => ({
  account_id: 'default',
  journey_id,
  name,
  versions: [1],
  numbers,
})

const ids = (journeys: readonly JourneySummary[]) => journeys.map(({ journey_id }) => journey_id)

describe('the journeys table', () => {
  it('finds every word that is typed, in names and ids, whatever their case', () => {
    const all = [
      journey('welcome-2', 'Welcome back'),
      journey('w1', 'WELCOME'),
      journey('cart', 'Forgotten cart'),
    ]
    expect(ids(foundBy(all, ' welcome  BACK '))).toEqual(['welcome-2'])
    expect(ids(foundBy(all, 'wel'))).toEqual(['welcome-2', 'w1'])
    expect(foundBy(all, '  ')).toBe(all)
  })

  it('sorts by a number either way, and puts what has none last both times', () => {
    const all = [
      journey('none', 'a', { conversion_rate: null }),
      journey('low', 'b', { conversion_rate: 0 }),
      journey('left out', 'c'),
      journey('high', 'd', { conversion_rate: 0.5 }),
    ]
    expect(ids(sortedBy(all, '-conversion_rate')).slice(0, 2)).toEqual(['high', 'low'])
    expect(ids(sortedBy(all, 'conversion_rate')).slice(0, 2)).toEqual(['low', 'high'])
  })

  it('sorts equal numbers and names by name as people count, then by id', () => {
    const all = [journey('b', 'Step 10'), journey('c', 'Step 9'), journey('a', 'Step 10')]
    expect(ids(sortedBy(all, '-entered_users'))).toEqual(['c', 'a', 'b'])
    expect(ids(sortedBy(all, 'name'))).toEqual(['c', 'a', 'b'])
    expect(ids(sortedBy(all, '-name'))).toEqual(['b', 'a', 'c'])
  })
})
