/** The columns of the journeys table, and how its rows are found and sorted. */

import type { JourneySummary } from '@/api/generated'
import type { Opening } from '@/number/opening'

export interface Column {
  /** Its name in the URL, and for a number that in the catalogue. */
  id: string
  width: string
  value: (journey: JourneySummary) => number | null | undefined
  kind?: 'count' | 'share'
  opening?: (journey: JourneySummary) => Opening | undefined
}

export const COLUMNS: readonly Column[] = [
  { id: 'entered_users', width: '92px', value: ({ numbers }) => numbers.entered_users },
  { id: 'active_entries', width: '92px', value: ({ numbers }) => numbers.active_entries },
  { id: 'exited_entries', width: '92px', value: ({ numbers }) => numbers.exited_entries },
  {
    id: 'conversion_rate',

    width: '152px',
    kind: 'share',
    value: ({ numbers }) => numbers.conversion_rate,
    opening: ({ numbers }) => numbers.conversion_rate_open,
  },
  {
    id: 'sent.messages',

    width: '124px',
    value: ({ numbers }) => numbers.sent?.messages,
  },
]

export const DEFAULT_SORT = '-entered_users'

/** Journeys whose name or id holds every word that is looked for. */
export function foundBy(journeys: readonly JourneySummary[], find: string): readonly JourneySummary[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return journeys
  return journeys.filter((journey) => {
    const text = `${journey.name}\n${journey.journey_id}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** Sort by a column, the greatest first with "-"; what has no value comes last either way. */
export function sortedBy(journeys: readonly JourneySummary[], sort: string): JourneySummary[] {
  const isDescending = sort.startsWith('-')
  const column = COLUMNS.find(({ id }) => id === sort.replace(/^-/, ''))
  const byName = (a: JourneySummary, b: JourneySummary) =>
    a.name.localeCompare(b.name, 'en', { numeric: true }) || (a.journey_id < b.journey_id ? -1 : 1)
  const rows = [...journeys]
  if (column === undefined) return rows.sort((a, b) => (isDescending ? byName(b, a) : byName(a, b)))
  return rows.sort((a, b) => {
    const [left, right] = [column.value(a), column.value(b)]
    if (left === right) return byName(a, b)
    if (left === undefined || left === null) return 1
    if (right === undefined || right === null) return -1
    return isDescending ? right - left : left - right
  })
}
