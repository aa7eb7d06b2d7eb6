import { getLocalTimeZone, parseDate } from '@internationalized/date'
import { ChevronLeft, ChevronRight } from 'lucide-react'
import {
  Button,
  CalendarCell,
  CalendarGrid,
  CalendarGridBody,
  CalendarGridHeader,
  CalendarHeaderCell,
  Heading,
  I18nProvider,
  RangeCalendar,
} from 'react-aria-components'
import { useView } from '@/api/view'
import { iconClass } from '@/parts/Controls'
import { dayAt, type Range } from '@/url/range'
import styles from './RangePicker.module.css'

/** A calendar to choose a range from one day to another; no day after the account's today can be chosen. */
export default function RangeDays({ onChoose }: { onChoose: (range: Range) => void }) {
  const { range, zone, heartbeat } = useView()
  const today = dayAt(heartbeat?.as_of ?? new Date().toISOString(), heartbeat ? zone : getLocalTimeZone())
  const value =
    range.from !== undefined && range.to !== undefined
      ? { start: parseDate(range.from), end: parseDate(range.to).subtract({ days: 1 }) }
      : null
  return (
    <I18nProvider locale="en-GB">
      <RangeCalendar
        aria-label="From the first to the last day"
        className={styles.calendar ?? ''}
        defaultValue={value}
        defaultFocusedValue={value?.end ?? today}
        maxValue={today}
        onChange={({ start, end }) =>
          onChoose({ from: start.toString(), to: end.add({ days: 1 }).toString() })
        }
      >
        <header className={styles.months}>
          <Button slot="previous" className={iconClass}>
            <ChevronLeft aria-hidden />
          </Button>
          <Heading />
          <Button slot="next" className={iconClass}>
            <ChevronRight aria-hidden />
          </Button>
        </header>
        <CalendarGrid className={styles.grid ?? ''}>
          <CalendarGridHeader>{(day) => <CalendarHeaderCell>{day}</CalendarHeaderCell>}</CalendarGridHeader>
          <CalendarGridBody>
            {(date) => <CalendarCell date={date} className={styles.day ?? ''} />}
          </CalendarGridBody>
        </CalendarGrid>
        <p className={styles.hint}>Days of {zone}. Choose the first, then the last.</p>
      </RangeCalendar>
    </I18nProvider>
  )
}
