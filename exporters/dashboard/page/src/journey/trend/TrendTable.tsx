/** The same as the chart, in exact figures. */

import { exact } from '@/format/figures'
import type { ChartPoint } from '@/parts/Chart'
import styles from './Trend.module.css'

export function TrendTable({
  title,
  points,
  isSummed,
}: {
  title: string
  points: readonly ChartPoint[]
  /** Users are not: one of two days is the same as one of the other. */
  isSummed: boolean
}) {
  const known = points.filter(({ value }) => value !== null)
  const sum = known.reduce((total, { value }) => total + (value ?? 0), 0)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled table is reached by keyboard
    <div className={styles.table} tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">{title}</th>
          </tr>
        </thead>
        <tbody>
          {known.map(({ key, title: time, value, isSoFar }) => (
            <tr key={key} data-bucket={key} data-value={value}>
              <th scope="row">
                {time}
                {isSoFar && <span className={styles.soFar}>so far</span>}
              </th>
              <td>{exact(value)}</td>
            </tr>
          ))}
        </tbody>
        {isSummed && (
          <tfoot>
            <tr>
              <th scope="row">Sum</th>
              <td>{exact(sum)}</td>
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  )
}
