/** All there is to say about a figure: meaning, filters, when it was read, its parts, how to ask for it. */

import { Copy, Link2, Users } from 'lucide-react'
import { address } from '@/api/client'
import { merged, useChange, useView } from '@/api/view'
import { dayAndTime, days, offset } from '@/format/times'
import { TextButton } from '@/parts/Controls'
import { CopyButton } from '@/parts/CopyButton'
import { defined, stringified } from '@/url/search'
import { partsOf, useCatalogue } from './catalogue'
import type { FigureProps } from './Figure'
import styles from './Figure.module.css'
import { filtersInWords } from './filters'
import { openingInWords } from './opening'
import { useReading } from './reading'
import { narrowed, peopleOf } from './scope'

export default function Details({
  number,
  scope,
  opening,
  full,
  onClose,
}: FigureProps & { full: string; onClose: () => void }) {
  const view = useView()
  const { reading } = useReading()
  const catalogue = useCatalogue()
  const change = useChange()
  const entry = catalogue.entry(number, scope)
  const title = catalogue.title(number, scope)
  const { journey, ...part } = scope
  const filters = filtersInWords({ ...view.filters, ...defined(part) })
  const parts = partsOf(catalogue, number, scope)
  const link = () => {
    const to = new URL(window.location.href)
    to.search = stringified(merged({ ...view.search, account: view.account }, peopleOf(number, scope)))
    return to.href
  }
  const curl = () =>
    `curl -s '${address(`/v1/journeys/${encodeURIComponent(journey)}`, narrowed(view, scope))}'`
  return (
    <div className={styles.details}>
      <h3>
        {title}: {full}
      </h3>
      <p>{entry?.meaning ?? 'What it means is not known yet.'}</p>
      <dl>
        <dt>Journey</dt>
        <dd>{journey}</dd>
        <dt>Range</dt>
        <dd>
          {days(view.range)} ({view.zone})
        </dd>
        {filters !== '' && (
          <>
            <dt>Filters</dt>
            <dd>{filters}</dd>
          </>
        )}
        {opening !== undefined && (
          <>
            <dt>Open</dt>
            <dd>{openingInWords(opening, view.zone)}</dd>
          </>
        )}
        {reading !== undefined && (
          <>
            <dt>As of</dt>
            <dd>
              {dayAndTime(reading.as_of, view.zone)} {offset(reading.as_of, view.zone)}
            </dd>
          </>
        )}
      </dl>
      <div className={styles.actions}>
        {(parts.length > 0 ? parts : [{ number, scope }]).map((part) => (
          <TextButton
            key={part.number}
            onPress={() => {
              change(peopleOf(part.number, part.scope))
              onClose()
            }}
          >
            <Users aria-hidden />
            {parts.length > 0 ? catalogue.title(part.number, part.scope) : 'People'}
          </TextButton>
        ))}
        <CopyButton text={link} icon={<Link2 aria-hidden />} label="Copy link" />
        <CopyButton text={curl} icon={<Copy aria-hidden />} label="Copy curl" />
      </div>
    </div>
  )
}
