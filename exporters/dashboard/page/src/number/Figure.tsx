/**
 * The number: one component, everywhere.
 *
 * The figure is a button that opens the people behind it. Beside it stand what it means, and its file. The
 * element carries the question (`data-number` and the scope) and the exact value (`data-value`).
 */

import { Download, Info } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Button } from 'react-aria-components'
import { useChange, useView } from '@/api/view'
import * as figures from '@/format/figures'
import { iconClass, Tip } from '@/parts/Controls'
import { Opener } from '@/parts/Opener'
import { Skeleton } from '@/parts/States'
import { useCatalogue } from './catalogue'
import styles from './Figure.module.css'
import { filtersInWords } from './filters'
import { type Opening, openingInWords } from './opening'
import { useReading } from './reading'
import { peopleOf, type Scope } from './scope'

const Details = lazy(() => import('./Details'))

export interface FigureProps {
  /** Its name in the catalogue. */
  number: string
  scope: Scope
  /** null: there is nothing to divide by; undefined: a filter in force does not apply to it. */
  value: number | string | null | undefined
  kind?: 'count' | 'share' | 'duration' | undefined
  /** Of a sum of money, whose value is an exact decimal as text. */
  currency?: string | undefined
  /** A headline is shortened and has its tools beside it; a cell of a table is exact. */
  look?: 'headline' | 'cell' | undefined
  opening?: Opening | undefined
}

/** A figure as text, and in full where the text is shortened. */
export function written(
  value: FigureProps['value'],
  kind: FigureProps['kind'],
  isShort: boolean,
  currency = '',
): string {
  if (typeof value === 'string') return figures.money(value, currency)
  if (kind === 'share') return figures.share(value)
  if (kind === 'duration') return figures.duration(value)
  return isShort ? figures.compact(value) : figures.exact(value)
}

export function Figure(props: FigureProps) {
  const { number, scope, value, kind = 'count', look = 'cell', currency, opening } = props
  const { filters, zone } = useView()
  const { isOld } = useReading()
  const catalogue = useCatalogue()
  const change = useChange()
  const entry = catalogue.entry(number, scope)
  const title = catalogue.title(number, scope)
  const shown = written(value, kind, look === 'headline', currency)
  const full = written(value, kind, false, currency)
  const changed = useChanged(value)
  // A table has hundreds of figures: the tools of each come when somebody comes near.
  const [isNear, setNear] = useState(look === 'headline')
  const why =
    value === undefined
      ? `${title} cannot be filtered by ${filtersInWords(filters)}: take that off to see it.`
      : value === null
        ? 'There is nothing to divide by.'
        : undefined
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only shows its buttons to who comes near
    <span
      className={[styles.figure, styles[look], isOld && styles.old, changed && styles.changed]
        .filter(Boolean)
        .join(' ')}
      data-number={number}
      data-journey={scope.journey}
      data-version={scope.version}
      data-step={scope.step}
      data-channel={scope.channel}
      data-platform={scope.platform}
      data-currency={currency}
      data-value={value === undefined ? 'not filterable' : value === null ? 'null' : String(value)}
      onPointerEnter={() => setNear(true)}
      onFocus={() => setNear(true)}
    >
      <Tip
        text={
          <>
            {full !== shown && (
              <>
                <strong>{full}</strong>.{' '}
              </>
            )}
            {why ?? entry?.meaning}
            {opening !== undefined && <> {openingInWords(opening, zone)}.</>}
          </>
        }
      >
        <Button
          key={changed}
          className={styles.value ?? ''}
          aria-label={`${title}: ${full}${why === undefined ? '. Show the people' : `. ${why}`}`}
          onPress={() => change(peopleOf(number, scope))}
        >
          {shown}
        </Button>
      </Tip>
      {isNear && (
        <span className={styles.tools}>
          <Opener
            label={`About ${title}`}
            name={`About ${title}`}
            className={iconClass}
            excludeFromTabOrder={look === 'cell'}
            content={(close) => (
              <Suspense fallback={<Skeleton width={320} height={160} />}>
                <Details {...props} full={full} onClose={close} />
              </Suspense>
            )}
          >
            <Info aria-hidden />
          </Opener>
          <Tip text={fileNotThere(value, title)}>
            <Button
              className={`${iconClass} ${styles.off}`}
              aria-label={`Export ${title}. ${fileNotThere(value, title)}`}
              aria-disabled="true"
              data-export="off"
              excludeFromTabOrder={look === 'cell'}
            >
              <Download aria-hidden />
            </Button>
          </Tip>
        </span>
      )}
    </span>
  )
}

/** Why there is no file. */
const fileNotThere = (value: FigureProps['value'], title: string): string =>
  value === 0
    ? `${title} is zero: there is nothing to export.`
    : 'Files cannot be had yet. Open the people and copy their ids.'

const isValue = (value: FigureProps['value']): boolean => value !== undefined && value !== null

/** Counts the changes of a value, so that each makes the figure glow once; the first value is none. */
function useChanged(value: FigureProps['value']): number {
  const before = useRef(value)
  const [count, setCount] = useState(0)
  useEffect(() => {
    if (before.current !== value && isValue(before.current) && isValue(value)) {
      setCount((changes) => changes + 1)
    }
    before.current = value
  }, [value])
  return count
}
