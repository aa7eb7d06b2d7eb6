/** Thousands of journeys on lines of equal height, of which only those in sight are drawn. */

import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type KeyboardEvent, useEffect, useRef } from 'react'
import type { JourneySummary } from '@/api/generated'
import { useView } from '@/api/view'
import { keptOf } from '@/frame/kept'
import { useCatalogue } from '@/number/catalogue'
import { Figure } from '@/number/Figure'
import { openingInWords } from '@/number/opening'
import { Sparkline } from '@/parts/Sparkline'
import { Skeleton } from '@/parts/States'
import { COLUMNS } from './columns'
import styles from './Journeys.module.css'

const ROW_PX = 56
const TEMPLATE = `minmax(180px, 1fr) 76px ${COLUMNS.map(({ width }) => width).join(' ')} 148px`
const WAITING_ROWS = 8

export function JourneysTable({
  rows,
  sort,
  onSort,
  trends,
  trendTitle,
  buckets,
  onHold,
}: {
  /** undefined while they are on the way. */
  rows: readonly JourneySummary[] | undefined
  sort: string
  onSort: (sort: string) => void
  trends: ReadonlyMap<string, readonly number[]> | undefined
  trendTitle: string
  buckets: number
  /** The rows must not change places now: somebody points at them. */
  onHold: (isHeld: boolean) => void
}) {
  const catalogue = useCatalogue()
  const place = useRef<HTMLDivElement>(null)
  const count = rows?.length ?? WAITING_ROWS
  const lines = useVirtualizer({
    count,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    getItemKey: (index) => rows?.[index]?.journey_id ?? index,
  })
  const goTo = useRow(count, (index) => lines.scrollToIndex(index, { align: 'auto' }), place)
  return (
    <div
      ref={place}
      className={styles.table}
      role="table"
      aria-label="Journeys"
      aria-rowcount={count + 1}
      aria-busy={rows === undefined}
      onPointerEnter={() => onHold(true)}
      onPointerLeave={() => onHold(false)}
      onKeyDown={goTo}
    >
      <div role="rowgroup" className={styles.headings}>
        {/* Titles of columns come with the catalogue: until then their place is kept, not shown. */}
        <div
          role="row"
          aria-rowindex={1}
          className={`${styles.line} ${catalogue.answer === undefined ? styles.waiting : ''}`}
          style={{ gridTemplateColumns: TEMPLATE }}
        >
          <Heading id="name" title="Journey" sort={sort} onSort={onSort} isFirst />
          <span role="columnheader" className={styles.right}>
            Versions
          </span>
          {COLUMNS.map(({ id }) => (
            <Heading key={id} id={id} title={catalogue.shortTitle(id)} sort={sort} onSort={onSort} />
          ))}
          <span role="columnheader" className={styles.right}>
            {trendTitle}
          </span>
        </div>
      </div>
      <div role="rowgroup" className={styles.rows} style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map(({ index, start, key }) => {
          const journey = rows?.[index]
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={index + 2}
              data-index={index}
              className={`${styles.line} ${styles.row}`}
              style={{ gridTemplateColumns: TEMPLATE, transform: `translateY(${start}px)` }}
            >
              {journey === undefined ? (
                <Waiting />
              ) : (
                <Cells
                  journey={journey}
                  counts={trends?.get(journey.journey_id)}
                  isKnown={trends !== undefined}
                  buckets={buckets}
                />
              )}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Cells({
  journey,
  counts,
  isKnown,
  buckets,
}: {
  journey: JourneySummary
  counts: readonly number[] | undefined
  isKnown: boolean
  buckets: number
}) {
  const { zone } = useView()
  const scope = { journey: journey.journey_id }
  return (
    <>
      <span role="rowheader" className={styles.name}>
        <Link
          to="/journeys/$journeyId"
          params={{ journeyId: journey.journey_id }}
          search={keptOf}
          data-row-link=""
          title={journey.name}
        >
          <bdi>{journey.name}</bdi>
        </Link>
        {journey.name !== journey.journey_id && <bdi className={styles.id}>{journey.journey_id}</bdi>}
      </span>
      <span role="cell" className={styles.right}>
        {versionsInWords(journey.versions)}
      </span>
      {COLUMNS.map(({ id, value, kind, opening }) => {
        const open = opening?.(journey)
        return (
          <span role="cell" key={id} className={styles.right}>
            <Figure number={id} scope={scope} value={value(journey)} kind={kind} opening={open} />
            {open !== undefined && (
              <span className={styles.open}>
                {open.entries === 0
                  ? 'settled'
                  : openingInWords({ ...open, closes_at: null }, zone).replace(', not all have exited', '')}
              </span>
            )}
          </span>
        )
      })}
      <span role="cell" className={styles.right}>
        {isKnown ? (
          <Sparkline counts={counts ?? []} buckets={buckets} label={`Entries of ${journey.name}`} />
        ) : (
          <Skeleton width={120} height={24} />
        )}
      </span>
    </>
  )
}

/** "1", "1–4", "2, 5" */
function versionsInWords(versions: readonly number[]): string {
  const [first, last] = [versions[0], versions.at(-1)]
  if (first === undefined || last === undefined) return '—'
  if (first === last) return String(first)
  return last - first === versions.length - 1
    ? `${first}–${last}`
    : versions.length > 3
      ? `${versions.length}`
      : versions.join(', ')
}

function Waiting() {
  return (
    <>
      <span role="cell">
        <Skeleton width="70%" />
      </span>
      {[...COLUMNS, 'versions', 'trend'].map((_, index) => (
        <span role="cell" key={index} className={styles.right}>
          <Skeleton width={56} />
        </span>
      ))}
    </>
  )
}

function Heading({
  id,
  title,
  sort,
  onSort,
  isFirst = false,
}: {
  id: string
  title: string
  sort: string
  onSort: (sort: string) => void
  isFirst?: boolean
}) {
  const isSorted = sort.replace(/^-/, '') === id
  const isDescending = sort.startsWith('-')
  // Names begin with the first letter, numbers with the greatest.
  const next = isSorted ? (isDescending ? id : `-${id}`) : isFirst ? id : `-${id}`
  return (
    <span
      role="columnheader"
      className={isFirst ? styles.first : styles.right}
      aria-sort={isSorted ? (isDescending ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" className={styles.sort} onClick={() => onSort(next)}>
        {title}
        {isSorted && (isDescending ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
      </button>
    </span>
  )
}

/** j and k, or the arrows, go from row to row. */
function useRow(
  count: number,
  scrollTo: (index: number) => void,
  place: React.RefObject<HTMLDivElement | null>,
) {
  const latest = useRef({ count, scrollTo })
  latest.current = { count, scrollTo }
  const go = useRef((direction: 1 | -1) => {
    const row = document.activeElement?.closest<HTMLElement>('[data-index]')
    const from =
      row === null || row === undefined
        ? direction === 1
          ? -1
          : latest.current.count
        : Number(row.dataset.index)
    const to = Math.min(Math.max(from + direction, 0), latest.current.count - 1)
    latest.current.scrollTo(to)
    const focus = () => {
      const link = place.current?.querySelector<HTMLElement>(`[data-index="${to}"] [data-row-link]`)
      link?.focus()
      return link !== null && link !== undefined
    }
    // A row out of sight is drawn with the next frame; the focus of one in sight is not taken back then.
    if (!focus()) requestAnimationFrame(focus)
  })
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const target = event.target as HTMLElement | null
      if (event.ctrlKey || event.metaKey || event.altKey || target?.closest('input, [role=dialog]')) return
      if (event.key === 'j' || event.key === 'k') go.current(event.key === 'j' ? 1 : -1)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  return (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    if (!(event.target as HTMLElement).closest('[data-index]')) return
    event.preventDefault()
    go.current(event.key === 'ArrowDown' ? 1 : -1)
  }
}
