/** Every journey of the account on a line. */

import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import type { CountsAnswer, JourneysAnswer } from '@/api/generated'
import { useLive } from '@/api/live'
import { asked, useChange, useView } from '@/api/view'
import { counted } from '@/format/figures'
import { ReadingProvider } from '@/number/reading'
import { Find } from '@/parts/Find'
import { Failed, Message, Skeleton } from '@/parts/States'
import { DEFAULT_SORT, foundBy, sortedBy } from './columns'
import styles from './Journeys.module.css'
import { JourneysTable } from './JourneysTable'
import { trendRange } from './trend'

const NoEvents = lazy(() => import('./NoEvents'))

/** How long the order of the rows stays while their numbers move. */
const ORDER_MS = 10_000

export function JourneysPage() {
  const view = useView()
  const { search, isReady } = view
  const change = useChange()
  const find = search.find ?? ''
  const sort = search.sort ?? DEFAULT_SORT
  const found = useLive<JourneysAnswer>(
    isReady
      ? { path: '/v1/journeys', parameters: asked({ ...view, filters: ofJourneys(view.filters) }) }
      : undefined,
  )
  const trend = trendRange(view)
  const trends = useLive<CountsAnswer>(
    isReady && found.answer !== undefined && trend !== undefined
      ? {
          path: '/v1/series',
          parameters: { account: view.account, number: 'total_entries', ...trend.question },
        }
      : undefined,
  )
  const journeys = found.answer?.journeys
  const [turn, setTurn] = useState(0)
  const isHeld = useRef(false)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!isHeld.current) setTurn((count) => count + 1)
    }, ORDER_MS)
    return () => clearInterval(timer)
  }, [])
  const latest = useRef(journeys)
  latest.current = journeys
  const known = journeys?.length
  // The order stays for a while, though the numbers move.
  const order = useMemo(
    () => sortedBy(latest.current ?? [], sort).map(({ journey_id }) => journey_id),
    [sort, turn, known, found.isPrevious, view.account],
  )
  const rows = useMemo(() => {
    const byId = new Map((journeys ?? []).map((journey) => [journey.journey_id, journey]))
    const ordered = order.map((id) => byId.get(id)).filter((journey) => journey !== undefined)
    return foundBy(ordered, find)
  }, [journeys, order, find])
  const counts = useMemo(
    () => new Map((trends.answer?.journeys ?? []).map(({ journey_id, counts }) => [journey_id, counts])),
    [trends.answer],
  )
  const isEmpty = journeys !== undefined && journeys.length === 0
  return (
    <>
      <header className={styles.head}>
        <h1>Journeys</h1>
        <p className={styles.count} aria-live="polite">
          {journeys === undefined
            ? found.error === null && <Skeleton width={72} />
            : rows.length === journeys.length
              ? counted(journeys.length, 'journey')
              : `${counted(rows.length, 'journey')} of ${journeys.length}`}
        </p>
        <Find
          label="Search journeys"
          value={find}
          onChange={(text) => change({ find: text || undefined }, { replace: true })}
        />
      </header>
      {view.accountsError !== null && !isReady ? (
        <Failed error={view.accountsError} onRetry={() => window.location.reload()} />
      ) : found.error !== null && journeys === undefined ? (
        <Failed error={found.error} onRetry={found.askAgain} />
      ) : isEmpty ? (
        <Suspense fallback={null}>
          <NoEvents />
        </Suspense>
      ) : (
        <ReadingProvider reading={found.answer} isOld={found.isPrevious || found.error !== null}>
          {rows.length === 0 && journeys !== undefined ? (
            <Message title={`No journey is called “${find}”`}>
              <p>Names and ids are searched, every word of what you type.</p>
            </Message>
          ) : (
            <JourneysTable
              rows={journeys === undefined ? undefined : rows}
              sort={sort}
              onSort={(next) => change({ sort: next === DEFAULT_SORT ? undefined : next }, { replace: true })}
              trendTitle={trend?.title ?? 'Trend'}
              trends={trends.answer === undefined ? undefined : counts}
              buckets={trends.answer?.buckets.length ?? 0}
              onHold={(held) => {
                isHeld.current = held
              }}
            />
          )}
        </ReadingProvider>
      )}
    </>
  )
}

/** Filters that a journey of many can have: versions, steps and variants are those of one. */
function ofJourneys({ channel, platform, clock }: import('@/url/search').Filters) {
  return {
    ...(channel === undefined ? {} : { channel }),
    ...(platform === undefined ? {} : { platform }),
    ...(clock === undefined ? {} : { clock }),
  }
}
