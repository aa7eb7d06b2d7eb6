import { Button } from 'react-aria-components'
import { useView } from '@/api/view'
import { duration } from '@/format/figures'
import { clockTime, dayAndTime } from '@/format/times'
import { Tip } from '@/parts/Controls'
import styles from './Freshness.module.css'
import { isStale } from './staleness'

/** Up to when everything is counted, and how far behind that is. */
export function Freshness() {
  const { heartbeat, heartbeatError, zone } = useView()
  if (heartbeat === undefined) {
    return <span className={styles.fresh}>{heartbeatError === null ? 'Connecting…' : 'No answer yet'}</span>
  }
  const { as_of, lag_ms, watermark } = heartbeat
  const upTo = lag_ms === null ? null : Date.parse(as_of) - lag_ms
  const look = heartbeatError ? styles.gone : isStale(heartbeat) ? styles.late : ''
  return (
    <Tip
      text={
        <>
          Every event that reached the log by then is counted. Newest event:{' '}
          {watermark === null ? 'none yet' : dayAndTime(watermark, zone)}. Read at {clockTime(as_of, zone)} (
          {zone}).
        </>
      }
    >
      <Button className={`${styles.fresh} ${look} ${styles.bare}`} data-freshness={lag_ms ?? 'unknown'}>
        <span className={styles.dot} aria-hidden />
        {heartbeatError !== null
          ? `No answer since ${clockTime(as_of, zone)}`
          : upTo === null
            ? `Read at ${clockTime(as_of, zone)}, how far behind is not known`
            : `Counted up to ${clockTime(upTo, zone)}, ${behind(lag_ms ?? 0)} behind`}
      </Button>
    </Tip>
  )
}

/** Tenths of a second below ten seconds, so that the text does not jump. */
const behind = (lagMs: number): string =>
  lagMs < 10_000 ? `${(lagMs / 1000).toFixed(1)} s` : duration(lagMs)
