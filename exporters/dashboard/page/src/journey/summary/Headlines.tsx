/** The four numbers that everybody asks for first, and under them who and what is behind. */

import type { ReactNode } from 'react'
import type { Version } from '@/api/generated'
import { useView } from '@/api/view'
import { useCatalogue } from '@/number/catalogue'
import { Figure, type FigureProps } from '@/number/Figure'
import { type Opening, openingInWords } from '@/number/opening'
import type { Scope } from '@/number/scope'
import { Skeleton } from '@/parts/States'
import { addedByCurrency } from '../amounts'
import { Money } from '../Money'
import { numberIn } from '../numbers'
import type { JourneyAnswer } from '../question'
import { Goals } from './Goals'
import styles from './Headlines.module.css'

type Numbers = JourneyAnswer['numbers']

export function Headlines({
  scope,
  numbers,
  versions,
}: {
  scope: Scope
  /** undefined while they are on the way. */
  numbers: Numbers | undefined
  versions: readonly Version[]
}) {
  const one = { scope, numbers }
  return (
    <section aria-label="Headlines" className={styles.headlines}>
      <div className={styles.large}>
        <Headline {...one} number="sent.messages" />
        <Headline {...one} number="total_entries" />
        <Headline
          {...one}
          isTall
          number="conversion_rate"
          kind="share"
          opening={numbers?.conversion_rate_open}
        >
          <Goals versions={versions} />
        </Headline>
        <Headline {...one} isTall number="total_exits" opening={numbers?.total_exits_open} />
      </div>
      <dl className={styles.small}>
        <Small {...one} number="entered_users" />
        <Small {...one} number="exited_users" />
        <Small {...one} number="active_users" />
        <Small {...one} number="converted_users" />
        <Small {...one} number="active_entries" />
        <Small {...one} number="click_rate" kind="share" />
        <Small {...one} number="fail_rate" kind="share" />
        <Small {...one} number="conversion_events" />
        <Amount {...one} number="conversion_values" amounts={numbers?.conversion_values} />
        <Amount
          {...one}
          number="cost"
          amounts={numbers?.cost === undefined ? undefined : addedByCurrency(Object.values(numbers.cost))}
        />
      </dl>
    </section>
  )
}

function Headline({
  number,
  scope,
  numbers,
  kind,
  opening,
  isTall = false,
  children,
}: {
  number: string
  scope: Scope
  numbers: Numbers | undefined
  kind?: FigureProps['kind']
  opening?: Opening | undefined
  /** There will be more in it than the figure. */
  isTall?: boolean
  children?: ReactNode
}) {
  const { zone } = useView()
  const catalogue = useCatalogue()
  return (
    <div className={`${styles.card} ${isTall ? styles.tall : ''}`} data-headline={number}>
      {catalogue.answer === undefined ? (
        <p className={styles.title}>{'\u00a0'}</p>
      ) : (
        <h2 className={styles.title}>{catalogue.title(number)}</h2>
      )}
      <p className={styles.value}>
        {numbers === undefined ? (
          <Skeleton width={112} height={28} />
        ) : (
          <Figure
            number={number}
            scope={scope}
            value={numberIn(numbers, number)}
            kind={kind}
            look="headline"
            opening={opening}
          />
        )}
      </p>
      {opening !== undefined && (
        <p className={styles.opening} data-opening={opening.entries}>
          {openingInWords(opening, zone)}
        </p>
      )}
      {children !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: many goals are scrolled by keyboard
        <div className={styles.more} tabIndex={0} role="region" aria-label="Goals">
          {children}
        </div>
      )}
    </div>
  )
}

function Small({
  number,
  scope,
  numbers,
  kind,
}: {
  number: string
  scope: Scope
  numbers: Numbers | undefined
  kind?: FigureProps['kind']
}) {
  const catalogue = useCatalogue()
  return (
    <div className={styles.cell}>
      <dt>{catalogue.title(number)}</dt>
      <dd>
        {numbers === undefined ? (
          <Skeleton width={56} height={18} />
        ) : (
          <Figure
            number={number}
            scope={scope}
            value={numberIn(numbers, number)}
            kind={kind}
            look="headline"
          />
        )}
      </dd>
    </div>
  )
}

function Amount({
  number,
  scope,
  numbers,
  amounts,
}: {
  number: string
  scope: Scope
  numbers: Numbers | undefined
  amounts: Readonly<Record<string, string>> | undefined
}) {
  const catalogue = useCatalogue()
  return (
    <div className={styles.cell}>
      <dt>{catalogue.title(number)}</dt>
      <dd>
        {numbers === undefined ? (
          <Skeleton width={80} height={18} />
        ) : (
          <Money number={number} scope={scope} amounts={amounts} />
        )}
      </dd>
    </div>
  )
}
