/** Goal events that name the step, by name, with their values. */

import type { GoalCount } from '@/api/generated'
import { Figure } from '@/number/Figure'
import type { Scope } from '@/number/scope'
import { Money } from '../Money'
import styles from './Steps.module.css'

export function GoalsHere({
  goals,
  scope,
}: {
  /** undefined: a filter in force does not apply to them. */
  goals: Readonly<Record<string, GoalCount>> | undefined
  scope: Scope
}) {
  const named = Object.entries(goals ?? {})
  if (named.length === 0) {
    return <Figure number="goals.events" scope={scope} value={goals === undefined ? undefined : 0} />
  }
  return (
    <span className={styles.goals}>
      {named.map(([name, { events, values }]) => (
        <span key={name} className={styles.goal}>
          <bdi>{name}</bdi>
          <Figure number={`goals:${name}`} scope={scope} value={events} />
          {Object.keys(values).length > 0 && <Money number="goals.values" scope={scope} amounts={values} />}
        </span>
      ))}
    </span>
  )
}
