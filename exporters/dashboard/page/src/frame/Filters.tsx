/** The filters in force as chips, each taken off with one press, and a menu of those that can be put on. */

import { useParams } from '@tanstack/react-router'
import { Filter, X } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { Button } from 'react-aria-components'
import { useChange, useView } from '@/api/view'
import { useJourney } from '@/journey/question'
import { Opener } from '@/parts/Opener'
import { Skeleton } from '@/parts/States'
import type { Search } from '@/url/search'
import type { AddingProps } from './AddFilter'
import { OF_JOURNEY, OF_JOURNEYS, TITLES, titleOf } from './dimensions'
import styles from './Filters.module.css'

const Adding = lazy(() => import('./AddFilter'))

export function Filters() {
  const { journeyId } = useParams({ strict: false }) as { journeyId?: string }
  const { search } = useView()
  const change = useChange()
  // What can be chosen is what the journey has, whatever is filtered now.
  const { answer } = useJourney(journeyId, { isUnfiltered: true })
  const dimensions = journeyId === undefined ? OF_JOURNEYS : OF_JOURNEY
  const inForce = dimensions.filter((name) => search[name] !== undefined)
  return (
    <div className={styles.filters} role="group" aria-label="Filters">
      {inForce.map((name) => (
        <Button
          key={name}
          className={styles.chip ?? ''}
          data-filter={name}
          aria-label={`${TITLES[name]}: ${titleOf(name, search, answer)}. Take off`}
          onPress={() => change({ [name]: undefined })}
        >
          {TITLES[name]}: {titleOf(name, search, answer)}
          <X aria-hidden />
        </Button>
      ))}
      <AddFilter
        dimensions={dimensions.filter((name) => search[name] === undefined)}
        answer={answer}
        onChoose={(name, value) => change({ [name]: value } as Partial<Search>)}
      />
    </div>
  )
}

/** A button that opens the dimensions that can be filtered by, then their values. */
function AddFilter(props: AddingProps) {
  if (props.dimensions.length === 0) return null
  return (
    <Opener
      label="Put on a filter"
      content={(close) => (
        <Suspense fallback={<Skeleton width={180} height={32} />}>
          <Adding
            {...props}
            onChoose={(name, value) => {
              props.onChoose(name, value)
              close()
            }}
          />
        </Suspense>
      )}
    >
      <Filter aria-hidden />
      Filter
    </Opener>
  )
}
