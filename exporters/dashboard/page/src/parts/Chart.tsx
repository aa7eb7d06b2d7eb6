/** Points over time, drawn. Arrow keys walk from point to point; what is under the pointer or key is said. */

import { type KeyboardEvent, lazy, Suspense, useState } from 'react'
import { exact } from '@/format/figures'
import styles from './Chart.module.css'
import { Skeleton } from './States'

const ChartPlot = lazy(() => import('./ChartPlot'))

export interface ChartPoint {
  key: string
  /** As the axis shows it. */
  label: string
  /** The whole of it in words. */
  title: string
  /** null: nothing to draw here. */
  value: number | null
  /** It is not over, and may still grow. */
  isSoFar: boolean
}

export function Chart({
  title,
  points,
  look,
}: {
  title: string
  points: readonly ChartPoint[]
  look: 'line' | 'bars'
}) {
  const [active, setActive] = useState<number>()
  const [said, setSaid] = useState('')
  const known = points.flatMap(({ value }, index) => (value === null ? [] : [index]))
  const goTo = (index: number | undefined) => {
    setActive(index)
    const point = index === undefined ? undefined : points[index]
    if (point !== undefined) setSaid(inWords(point))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const at = active === undefined ? -1 : known.indexOf(active)
    const steps: Record<string, number | undefined> = {
      ArrowRight: at === -1 ? 0 : at + 1,
      ArrowLeft: at === -1 ? known.length - 1 : at - 1,
      Home: 0,
      End: known.length - 1,
    }
    const next = steps[event.key]
    if (event.key === 'Escape' && active !== undefined) setActive(undefined)
    else if (next === undefined) return
    else goTo(known[Math.min(Math.max(next, 0), known.length - 1)])
    event.preventDefault()
  }
  return (
    <>
      <div
        className={styles.chart}
        role="group"
        aria-roledescription="chart"
        aria-label={`${title}, ${points.length} points. Arrow keys go from point to point.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk its points
        tabIndex={0}
        data-arrows=""
        onKeyDown={onKeyDown}
        onBlur={() => setActive(undefined)}
      >
        <Suspense fallback={<Skeleton width="100%" height={280} />}>
          <ChartPlot title={title} points={points} look={look} active={active} onActive={setActive} />
        </Suspense>
      </div>
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  )
}

/** "7 Nov 2026: 1,204, so far" */
const inWords = ({ title, value, isSoFar }: ChartPoint): string =>
  `${title}: ${exact(value)}${isSoFar ? ', so far' : ''}`
