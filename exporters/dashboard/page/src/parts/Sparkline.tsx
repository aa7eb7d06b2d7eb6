/** A small line of counts, one for each bucket; the words beside it are for those who cannot see it. */

import { exact } from '@/format/figures'

const WIDTH = 120
const HEIGHT = 28
const INSET = 2

export function Sparkline({
  counts,
  buckets,
  label,
}: {
  /** Empty when all are zero. */
  counts: readonly number[]
  buckets: number
  label: string
}) {
  const values = counts.length > 0 ? counts : Array.from({ length: buckets }, () => 0)
  const greatest = Math.max(1, ...values)
  const step = values.length > 1 ? (WIDTH - 2 * INSET) / (values.length - 1) : 0
  const points = values.map((value, index) => {
    const y = HEIGHT - INSET - (value / greatest) * (HEIGHT - 2 * INSET)
    return `${(INSET + index * step).toFixed(1)},${y.toFixed(1)}`
  })
  const sum = values.reduce((total, value) => total + value, 0)
  return (
    <svg
      role="img"
      aria-label={`${label}: ${exact(sum)} in all, at most ${exact(Math.max(0, ...values))} at once`}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="var(--series-1)"
        strokeWidth={1.5}
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  )
}
