import { CalendarDays, ChevronLeft, ChevronRight } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { Button } from 'react-aria-components'
import { useChange, useView } from '@/api/view'
import { days, offset } from '@/format/times'
import { IconButton } from '@/parts/Controls'
import { Opener } from '@/parts/Opener'
import { Skeleton } from '@/parts/States'
import { RANGE_NAMES, RANGE_TITLES, shifted } from '@/url/range'
import styles from './RangePicker.module.css'

const RangeDays = lazy(() => import('./RangeDays'))

/** The range of days that is shown, in the account's zone. */
export function RangePicker() {
  const { range, rangeName, zone, heartbeat } = useView()
  const change = useChange()
  const name = rangeName === undefined ? days(range) : RANGE_TITLES[rangeName]
  const move = (direction: -1 | 1) => {
    const moved = shifted(range, direction)
    if (moved !== undefined) change({ ...moved, range: undefined })
  }
  const isMovable = range.from !== undefined
  return (
    <div className={styles.picker}>
      {isMovable && (
        <IconButton label="The range before" onPress={() => move(-1)}>
          <ChevronLeft aria-hidden />
        </IconButton>
      )}
      <Opener
        label="Range of days"
        name={`Range: ${name}`}
        content={(close) => (
          <div className={styles.dialog}>
            <div className={styles.names}>
              {RANGE_NAMES.map((each) => (
                <Button
                  key={each}
                  className={styles.name ?? ''}
                  aria-pressed={each === rangeName}
                  onPress={() => {
                    change({ range: each === 'all' ? undefined : each, from: undefined, to: undefined })
                    close()
                  }}
                >
                  {RANGE_TITLES[each]}
                </Button>
              ))}
            </div>
            <Suspense fallback={<Skeleton width={264} height={300} />}>
              <RangeDays
                onChoose={(chosen) => {
                  change({ ...chosen, range: undefined })
                  close()
                }}
              />
            </Suspense>
          </div>
        )}
      >
        <CalendarDays aria-hidden />
        {name}
      </Opener>
      {isMovable && (
        <IconButton label="The range after" onPress={() => move(1)}>
          <ChevronRight aria-hidden />
        </IconButton>
      )}
      <span className={styles.zone} data-zone={zone}>
        {rangeName !== undefined && isMovable && `${days(range)} · `}
        {zone}
        {heartbeat !== undefined && zone !== 'UTC' && `, ${offset(heartbeat.as_of, zone)}`}
      </span>
    </div>
  )
}
