/** The steps of each version, the newest version first. */

import { ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { Button, Disclosure, DisclosurePanel, Heading } from 'react-aria-components'
import type { Version } from '@/api/generated'
import { counted } from '@/format/figures'
import { Panel } from '@/parts/Panel'
import { Message } from '@/parts/States'
import styles from './Steps.module.css'
import { StepsTable } from './StepsTable'

export function Steps({ journey, versions }: { journey: string; versions: readonly Version[] }) {
  const newestFirst = [...versions].sort((a, b) => b.journey_version - a.journey_version)
  return (
    <Panel title="Steps" isFlush>
      {newestFirst.length === 0 ? (
        <Message title="No steps">
          <p>Nothing is counted at any step in this range with these filters.</p>
        </Message>
      ) : (
        newestFirst.map((version, index) => (
          <VersionSteps
            key={version.journey_version}
            journey={journey}
            version={version}
            isFirst={index === 0}
          />
        ))
      )}
    </Panel>
  )
}

function VersionSteps({
  journey,
  version,
  isFirst,
}: {
  journey: string
  version: Version
  isFirst: boolean
}) {
  const { journey_version: number, name, steps } = version
  const [isOpen, setOpen] = useState(isFirst)
  return (
    <Disclosure
      className={styles.version ?? ''}
      isExpanded={isOpen}
      onExpandedChange={setOpen}
      data-steps-version={number}
    >
      <Heading level={3}>
        <Button slot="trigger" className={styles.open ?? ''}>
          <ChevronRight className={styles.chevron} aria-hidden />v{number}
          <bdi className={styles.name}>{name}</bdi>
          <span className={styles.count}>{counted(steps.length, 'step')}</span>
        </Button>
      </Heading>
      <DisclosurePanel>
        {/* Hundreds of figures are drawn only when they are looked at. */}
        {isOpen &&
          (steps.length === 0 ? (
            <Message title="No steps">
              <p>None is defined, and no event names one.</p>
            </Message>
          ) : (
            <StepsTable journey={journey} version={number} steps={steps} />
          ))}
      </DisclosurePanel>
    </Disclosure>
  )
}
