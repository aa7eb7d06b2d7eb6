/** The steps of one version on a line each; a step with messages opens to its platforms. */

import { ChevronRight } from 'lucide-react'
import { useId, useState } from 'react'
import { Button } from 'react-aria-components'
import type { CatalogueStep, Step } from '@/api/generated'
import { counted } from '@/format/figures'
import { useCatalogue } from '@/number/catalogue'
import { Figure } from '@/number/Figure'
import type { Scope } from '@/number/scope'
import { PLATFORMS } from '@/url/search'
import { addedByCurrency } from '../amounts'
import { hasPlatforms } from '../channels/grouping'
import { channelTitle, platformTitle } from '../channels/names'
import { Money } from '../Money'
import { numberIn } from '../numbers'
import table from '../Table.module.css'
import { GoalsHere } from './GoalsHere'
import { StepIcon } from './StepIcon'
import styles from './Steps.module.css'
import { columnsOf, kindOf, PASSED, shownBy } from './shown'

/** The place of the numbers of any step. */
const STEP = { step: '' }

/** Columns whose title is that of another number. */
const TITLED_BY: Readonly<Record<string, string>> = { goals: 'goals.events' }

export function StepsTable({
  journey,
  version,
  steps,
}: {
  journey: string
  version: number
  steps: readonly Step[]
}) {
  const catalogue = useCatalogue()
  const kinds = catalogue.steps
  const columns = columnsOf(kinds, steps)
  const label = `Steps of version ${version}`
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled table is reached by keyboard
    <div className={table.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Step</th>
            {[...PASSED, ...columns].map((name) => (
              <th scope="col" key={name}>
                {catalogue.shortTitle(TITLED_BY[name] ?? name, STEP)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <Row
              key={step.step_id}
              step={step}
              scope={{ journey, version, step: step.step_id }}
              kinds={kinds}
              columns={columns}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  step: Step
  scope: Scope
  kinds: readonly CatalogueStep[]
  columns: readonly string[]
}

function Row({ step, scope, kinds, columns }: RowProps) {
  const id = useId()
  const [isOpen, setOpen] = useState(false)
  const shown = shownBy(kinds, step)
  const rows = step.numbers.channels ?? []
  const hasChannels = new Set(rows.map(({ channel }) => channel)).size > 1
  const parts = hasChannels || hasPlatforms(rows) ? rows : []
  const kind = kindOf(kinds, step)?.title ?? step.type ?? ''
  return (
    <>
      <tr data-step-row={step.step_id}>
        <th scope="row">
          <span className={styles.step}>
            <StepIcon type={step.type} channel={step.channel} />
            <span>
              <bdi>{step.name}</bdi>
              <span className={styles.kind}>{kind}</span>
              {parts.length > 0 && (
                <Button
                  className={styles.toggle ?? ''}
                  aria-expanded={isOpen}
                  {...(isOpen
                    ? { 'aria-controls': parts.map((_, index) => `${id}-${index}`).join(' ') }
                    : {})}
                  aria-label={`${step.name} by platform`}
                  onPress={() => setOpen(!isOpen)}
                >
                  <ChevronRight aria-hidden />
                  {counted(parts.length, 'platform')}
                </Button>
              )}
            </span>
          </span>
        </th>
        {PASSED.map((name) => (
          <td key={name}>
            <Figure number={name} scope={scope} value={step.numbers[name]} />
          </td>
        ))}
        {columns.map((name) => (
          <td key={name}>{shown.has(name) && <Value name={name} numbers={step.numbers} scope={scope} />}</td>
        ))}
      </tr>
      {isOpen &&
        parts.map((part, index) => (
          <tr key={`${part.channel} ${part.platform}`} id={`${id}-${index}`} className={table.part}>
            <th scope="row">
              {hasChannels && `${channelTitle(kinds, part.channel)}, `}
              {platformTitle(part.platform)}
            </th>
            <td colSpan={PASSED.length} />
            {columns.map((name) => (
              <td key={name}>
                {shown.has(name) && name.endsWith('.messages') && (
                  <Figure
                    number={name}
                    scope={{
                      ...scope,
                      channel: part.channel,
                      platform: PLATFORMS.find((known) => known === part.platform),
                    }}
                    value={numberIn(part, name)}
                  />
                )}
              </td>
            ))}
          </tr>
        ))}
    </>
  )
}

/** A number of a step, as its column shows it. */
function Value({ name, numbers, scope }: { name: string; numbers: Step['numbers']; scope: Scope }) {
  if (name === 'goals') return <GoalsHere goals={numbers.goals} scope={scope} />
  if (name === 'cost') {
    return (
      <Money
        number="cost"
        scope={scope}
        amounts={numbers.cost === undefined ? undefined : addedByCurrency(Object.values(numbers.cost))}
      />
    )
  }
  const kind = name.endsWith('_rate') ? 'share' : name.endsWith('_ms') ? 'duration' : 'count'
  return <Figure number={name} scope={scope} value={numberIn(numbers, name)} kind={kind} />
}
