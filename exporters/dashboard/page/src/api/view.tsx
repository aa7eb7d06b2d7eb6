/** What every part of the page needs: the account with its zone, the range in days, filters, how fresh it is. */

import { parseDate } from '@internationalized/date'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { createContext, type ReactNode, useCallback, useContext, useMemo } from 'react'
import { dayAt, daysOf, type Range, type RangeName } from '@/url/range'
import { type Filters, filtersOf, type Search } from '@/url/search'
import { type Heartbeat, useHeartbeat, useLive } from './live'

export interface AccountOf {
  account_id: string
  time_zone: string
  /** Up to when its events are counted; null before the first. */
  watermark: string | null
}

export interface View {
  account: string
  accounts: readonly AccountOf[]
  zone: string
  search: Search
  range: Range
  rangeName: RangeName | undefined
  filters: Filters
  heartbeat: Heartbeat | undefined
  heartbeatError: Error | null
  accountsError: Error | null
  isReady: boolean
}

const DEFAULT_ACCOUNT = 'default'
const NO_ACCOUNTS: readonly AccountOf[] = []
const Context = createContext<View | undefined>(undefined)

/** Gives its children the view. */
export function ViewProvider({ children }: { children: ReactNode }) {
  const search = useSearch({ strict: false }) as Search
  const known = useLive<{ accounts: AccountOf[] }>(ACCOUNTS)
  const accounts = known.answer?.accounts ?? NO_ACCOUNTS
  const account = search.account ?? chosenOf(accounts)
  const { heartbeat, error: heartbeatError } = useHeartbeat()
  const zone = accounts.find((one) => one.account_id === account)?.time_zone ?? 'UTC'
  const today = heartbeat ? dayAt(heartbeat.as_of, zone).toString() : undefined
  const rangeName = search.from === undefined ? (search.range ?? 'all') : undefined
  const range = useMemo<Range>(() => {
    if (search.from !== undefined && search.to !== undefined) return { from: search.from, to: search.to }
    return today === undefined ? {} : daysOf(rangeName ?? 'all', parseDate(today))
  }, [search.from, search.to, rangeName, today])
  const filters = useMemo(() => filtersOf(search), [search])
  const isReady = known.answer !== undefined && heartbeat !== undefined
  const view = {
    account,
    accounts,
    zone,
    search,
    range,
    rangeName,
    filters,
    heartbeat,
    heartbeatError,
    accountsError: known.error,
    isReady,
  }
  return <Context value={view}>{children}</Context>
}

const ACCOUNTS = { path: '/v1/accounts' }

function chosenOf(accounts: readonly AccountOf[]): string {
  if (accounts.some((one) => one.account_id === DEFAULT_ACCOUNT)) return DEFAULT_ACCOUNT
  return accounts[0]?.account_id ?? DEFAULT_ACCOUNT
}

/** The view that this part of the page shows. */
export function useView(): View {
  const view = useContext(Context)
  if (view === undefined) throw new Error('useView outside of ViewProvider')
  return view
}

/** Change some of what is shown, and with it the URL; `undefined` goes back to the default. */
export function useChange() {
  const navigate = useNavigate()
  return useCallback(
    (part: { [Name in keyof Search]?: Search[Name] | undefined }, options: { replace?: boolean } = {}) =>
      void navigate({
        to: '.',
        search: (before: Search) => merged(before, part),
        replace: options.replace ?? false,
        resetScroll: false,
      } as never),
    [navigate],
  )
}

/** A search with some parts changed. */
export function merged(before: Search, part: { [Name in keyof Search]?: Search[Name] | undefined }): Search {
  const next: Record<string, unknown> = { ...before, ...part }
  for (const name of Object.keys(next)) if (next[name] === undefined) delete next[name]
  return next as Search
}

/** What a question takes from the view: account, range and filters. */
export function asked(view: Pick<View, 'account' | 'range' | 'filters'>) {
  return { account: view.account, ...view.range, ...view.filters }
}
