import { CalendarDays, ChevronLeft, ChevronRight } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import { useChange, useView } from '@/api/view'
import { days, offset } from '@/format/times'
import { buttonClass, IconButton, popoverClass } from '@/parts/Controls'
import { Skeleton } from '@/parts/States'
import { RANGE_NAMES, RANGE_TITLES, type RangeName, shifted } from '@/url/range'
import styles from './RangePicker.module.css'

const RangeDays = lazy(() => import('./RangeDays'))

/** The range of days that is shown, in the account's zone. */
export function RangePicker() {
  const { range, rangeName, zone, heartbeat } = useView()
  const change = useChange()
  const [isOpen, setOpen] = useState(false)
  const name = rangeName === undefined ? days(range) : RANGE_TITLES[rangeName]
  const choose = (chosen: RangeName) => {
    change({ range: chosen === 'all' ? undefined : chosen, from: undefined, to: undefined })
    setOpen(false)
  }
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
      <DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
        <Button className={buttonClass} aria-label={`Range: ${name}`}>
          <CalendarDays aria-hidden />
          {name}
        </Button>
        <Popover className={popoverClass} placement="bottom start" offset={4}>
          <Dialog className={styles.dialog ?? ''} aria-label="Range of days">
            <div className={styles.names}>
              {RANGE_NAMES.map((each) => (
                <Button
                  key={each}
                  className={styles.name ?? ''}
                  aria-pressed={each === rangeName}
                  onPress={() => choose(each)}
                >
                  {RANGE_TITLES[each]}
                </Button>
              ))}
            </div>
            <Suspense fallback={<Skeleton width={264} height={300} />}>
              <RangeDays
                onChoose={(chosen) => {
                  change({ ...chosen, range: undefined })
                  setOpen(false)
                }}
              />
            </Suspense>
          </Dialog>
        </Popover>
      </DialogTrigger>
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
