/** The versions side by side; pressing one shows only that one, pressing it again shows all. */

import { CircleAlert, CircleDashed } from 'lucide-react'
import { Button } from 'react-aria-components'
import type { Version } from '@/api/generated'
import { useChange, useView } from '@/api/view'
import { counted } from '@/format/figures'
import { useCatalogue } from '@/number/catalogue'
import { Figure } from '@/number/Figure'
import { Skeleton } from '@/parts/States'
import styles from './Versions.module.css'

export function Versions({
  journey,
  versions,
}: {
  journey: string
  versions: readonly Version[] | undefined
}) {
  if (versions === undefined) {
    return (
      <div className={styles.strip}>
        <Skeleton width={232} height={78} />
        <Skeleton width={232} height={78} />
      </div>
    )
  }
  const newestFirst = [...versions].sort((a, b) => b.journey_version - a.journey_version)
  return (
    <ul className={styles.strip} aria-label="Versions">
      {newestFirst.map((version) => (
        <li key={version.journey_version}>
          <Card journey={journey} version={version} />
        </li>
      ))}
    </ul>
  )
}

function Card({ journey, version }: { journey: string; version: Version }) {
  const { filters } = useView()
  const change = useChange()
  const catalogue = useCatalogue()
  const { journey_version: number, name, numbers, defined, definition_conflicts: conflicts } = version
  const isChosen = filters.version === number
  const scope = { journey, version: number }
  return (
    <div className={`${styles.card} ${isChosen ? styles.chosen : ''}`} data-version-card={number}>
      <Button
        className={styles.choose ?? ''}
        aria-pressed={isChosen}
        aria-label={`Version ${number}, ${name}. ${isChosen ? 'Show all versions' : 'Show only this version'}`}
        onPress={() => change({ version: isChosen ? undefined : number })}
      >
        <span className={styles.number}>v{number}</span>
        <bdi className={styles.name} title={name}>
          {name}
        </bdi>
      </Button>
      <dl className={styles.numbers}>
        <div>
          <dt>{catalogue.title('entered_users')}</dt>
          <dd>
            <Figure number="entered_users" scope={scope} value={numbers.entered_users} />
          </dd>
        </div>
        <div>
          <dt>{catalogue.title('conversion_rate')}</dt>
          <dd>
            <Figure
              number="conversion_rate"
              scope={scope}
              value={numbers.conversion_rate}
              kind="share"
              opening={numbers.conversion_rate_open}
            />
          </dd>
        </div>
        {!defined && (
          <div>
            <dt>Definition</dt>
            <dd className={styles.undefined}>
              <CircleDashed aria-hidden />
              none yet
            </dd>
          </div>
        )}
        {conflicts > 0 && (
          <div>
            <dt>Definition</dt>
            <dd
              className={styles.conflict}
              title={`${counted(conflicts, 'other content')} published as this version; the earliest holds`}
            >
              <CircleAlert aria-hidden />
              {counted(conflicts, 'conflict')}
            </dd>
          </div>
        )}
      </dl>
    </div>
  )
}
