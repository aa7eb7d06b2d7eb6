/** What can be done by a key, from anywhere on the page. */

import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useChange, useView } from '@/api/view'
import { type RangeName, shifted } from '@/url/range'
import { keptOf } from './kept'

export const KEYS: readonly { keys: string; what: string }[] = [
  { keys: 'd', what: 'Today' },
  { keys: 'w', what: 'Last 7 days' },
  { keys: 'm', what: 'Last 30 days' },
  { keys: 'y', what: 'Last 12 months' },
  { keys: 'a', what: 'All time' },
  { keys: '← →', what: 'The range before, the range after' },
  { keys: '/', what: 'Search' },
  { keys: 'j k', what: 'Next row, row before' },
  { keys: 'Enter', what: 'Open the row' },
  { keys: 'p', what: 'People behind the figure in focus' },
  { keys: 'g', what: 'All journeys' },
  { keys: 'Esc', what: 'Close' },
  { keys: '?', what: 'These keys' },
]

const RANGES: Record<string, RangeName> = {
  d: 'today',
  w: 'last_7_days',
  m: 'last_30_days',
  y: 'last_12_months',
  a: 'all',
}

/** Whether a key belongs to what is in focus: a field, a menu, a dialog, a chart. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true
  const target = event.target as HTMLElement | null
  return !!target?.closest(
    'input, textarea, select, [contenteditable], [role=dialog], [role=listbox], [role=menu]',
  )
}

export function useKeys(openHelp: () => void): void {
  const change = useChange()
  const navigate = useNavigate()
  const { range, search } = useView()
  const latest = useRef({ change, navigate, openHelp, range, search })
  latest.current = { change, navigate, openHelp, range, search }
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTaken(event)) return
      const { change, navigate, openHelp, range } = latest.current
      const target = event.target as HTMLElement | null
      const named = RANGES[event.key]
      if (named !== undefined)
        change({ range: named === 'all' ? undefined : named, from: undefined, to: undefined })
      else if (event.key === '?') openHelp()
      else if (event.key === '/') document.querySelector<HTMLInputElement>('main input[type=search]')?.focus()
      else if (event.key === 'g') void navigate({ to: '/journeys', search: keptOf } as never)
      else if (event.key === 'p')
        target?.closest<HTMLElement>('[data-number]')?.querySelector('button')?.click()
      else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
        if (target?.closest('[data-arrows]')) return
        const moved = shifted(range, event.key === 'ArrowLeft' ? -1 : 1)
        if (moved === undefined) return
        change({ ...moved, range: undefined })
      } else return
      event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}
