/** A number over time, as a chart or as a table. */

import { parseDate } from '@internationalized/date'
import { useMemo, useState } from 'react'
import type { SeriesAnswer } from '@/api/generated'
import { useLive } from '@/api/live'
import { asked, useChange, useView } from '@/api/view'
import { useCatalogue } from '@/number/catalogue'
import { filtersInWords } from '@/number/filters'
import { Chart } from '@/parts/Chart'
import { Choose } from '@/parts/Choose'
import { Panel } from '@/parts/Panel'
import { Segments } from '@/parts/Segments'
import { Failed, Message, Skeleton } from '@/parts/States'
import { dayAt, daysIn, daysOf, type Range } from '@/url/range'
import { BUCKETS, type BucketName } from '@/url/search'
import type { JourneyAnswer } from '../question'
import { bucketOf, bucketsFor, defaultBucket } from './buckets'
import { DEFAULT_TREND, pointsOf, trendNumbers } from './points'
import styles from './Trend.module.css'
import { TrendTable } from './TrendTable'

/** How many days are shown of all time. */
const ALL_TIME_DAYS = 30

const BUCKET_TITLES: Record<BucketName, string> = { hour: 'Hour', day: 'Day', week: 'Week', month: 'Month' }

export function Trend({
  journey,
  numbers,
}: {
  journey: string
  numbers: JourneyAnswer['numbers'] | undefined
}) {
  const view = useView()
  const change = useChange()
  const catalogue = useCatalogue()
  const [isTable, setTable] = useState(false)
  const { range, isAllTime } = useTrendRange()
  const number = view.search.trend ?? DEFAULT_TREND
  const days = (range && daysIn(range)) ?? ALL_TIME_DAYS
  const bucket = range === undefined ? 'day' : bucketOf(view.search.bucket, range)
  const found = useLive<SeriesAnswer>(
    range === undefined || !view.isReady
      ? undefined
      : {
          path: `/v1/journeys/${encodeURIComponent(journey)}/series`,
          parameters: { ...asked({ ...view, range }), bucket },
        },
  )
  const { answer } = found
  const points = useMemo(
    () =>
      answer === undefined
        ? undefined
        : pointsOf(answer.series, number, bucketNamed(answer.bucket), answer.as_of),
    [answer, number],
  )
  const entry = catalogue.entry(number)
  const title = catalogue.title(number)
  const isOfUsers = entry?.unit === 'users'
  const choices = trendNumbers(catalogue, numbers).map(({ name, title }) => ({ id: name, title }))
  const known = choices.some(({ id }) => id === number) ? choices : [{ id: number, title }, ...choices]
  const isLeftOut = points !== undefined && points.length > 0 && points.every(({ value }) => value === null)
  const notes = [
    isAllTime && `the last ${ALL_TIME_DAYS} days`,
    isOfUsers && 'users are counted anew in each bar: not a sum',
    points?.some(({ isSoFar }) => isSoFar) && `the last ${bucket} is not over: so far`,
  ].filter((note) => note !== false && note !== undefined)
  return (
    <Panel
      title="Trend"
      note={<span data-trend-note="">{sentence(notes) || '\u00a0'}</span>}
      tools={
        <div className={`${styles.tools} ${catalogue.answer === undefined ? styles.waiting : ''}`}>
          <Choose
            label="Number"
            choices={known}
            chosen={number}
            onChoose={(name) => change({ trend: name === DEFAULT_TREND ? undefined : name })}
          />
          <Segments
            label="Bucket"
            choices={bucketsFor(days).map((id) => ({ id, title: BUCKET_TITLES[id] }))}
            chosen={bucket}
            onChoose={(id) => change({ bucket: id === defaultBucket(days) ? undefined : id })}
          />
          <Segments
            label="Chart or table"
            choices={LOOKS}
            chosen={isTable ? 'table' : 'chart'}
            onChoose={(look) => setTable(look === 'table')}
          />
        </div>
      }
    >
      <div className={`${styles.place} ${found.isPrevious ? styles.old : ''}`} data-trend={number}>
        {found.error !== null && answer === undefined ? (
          <Failed error={found.error} onRetry={found.askAgain} />
        ) : points === undefined ? (
          <Skeleton width="100%" height={280} />
        ) : isLeftOut ? (
          <Message title="It cannot be shown with these filters">
            <p>
              {title} cannot be filtered by {filtersInWords(view.filters)}. Take that off, or choose another
              number.
            </p>
          </Message>
        ) : isTable ? (
          <TrendTable title={title} points={points} isSummed={!isOfUsers} />
        ) : (
          <Chart title={title} points={points} look={isOfUsers ? 'bars' : 'line'} />
        )}
      </div>
    </Panel>
  )
}

const LOOKS = [
  { id: 'chart', title: 'Chart' },
  { id: 'table', title: 'Table' },
] as const

/** The range that is cut into buckets: that of the view, or the last 30 days where it has no beginning. */
function useTrendRange(): { range: Required<Range> | undefined; isAllTime: boolean } {
  const { range, heartbeat, zone } = useView()
  const { from, to } = range
  const today = heartbeat === undefined ? undefined : dayAt(heartbeat.as_of, zone).toString()
  return useMemo(() => {
    if (from !== undefined && to !== undefined) return { range: { from, to }, isAllTime: false }
    if (today === undefined) return { range: undefined, isAllTime: true }
    return { range: daysOf('last_30_days', parseDate(today)) as Required<Range>, isAllTime: true }
  }, [from, to, today])
}

const bucketNamed = (name: string): BucketName => BUCKETS.find((bucket) => bucket === name) ?? 'day'

/** Notes as one line that begins with a capital. */
function sentence(notes: readonly string[]): string {
  const text = notes.join(' · ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
