import { CircleAlert, TriangleAlert } from 'lucide-react'
import { UnreachableError } from '@/api/client'
import { useView } from '@/api/view'
import { duration } from '@/format/figures'
import { clockTime } from '@/format/times'
import styles from './Notices.module.css'
import { isStale } from './staleness'

/** A line over the page when its figures are not those of now: since when, and what to do. */
export function Notices() {
  const { heartbeat, heartbeatError, zone } = useView()
  if (heartbeatError !== null) {
    const isGone = heartbeatError instanceof UnreachableError
    return (
      <p
        className={`${styles.notice} ${styles.bad}`}
        role="alert"
        data-notice={isGone ? 'unreachable' : 'unavailable'}
      >
        <CircleAlert aria-hidden />
        <span>
          {isGone ? 'The server does not answer.' : heartbeatError.message}{' '}
          {heartbeat !== undefined && <>The figures are those of {clockTime(heartbeat.as_of, zone)}. </>}
          The page asks again every second.
        </span>
      </p>
    )
  }
  if (heartbeat === undefined || !isStale(heartbeat)) return null
  const since = Date.parse(heartbeat.as_of) - (heartbeat.lag_ms ?? 0)
  return (
    <p className={styles.notice} role="status" data-notice="stale">
      <TriangleAlert aria-hidden />
      <span>
        Events wait to be counted since {clockTime(since, zone)} ({duration(heartbeat.lag_ms)}). The figures
        catch up by themselves; if they do not, see that enough workers run.
      </span>
    </p>
  )
}
