/** Which goal converts, and until when: printed beside the rate, because the rate means nothing without it. */

import type { Version } from '@/api/generated'
import { type GoalGroup, goalGroups } from '../goal'
import styles from './Goals.module.css'

const SHOWN = 3

export function Goals({ versions }: { versions: readonly Version[] }) {
  const groups = goalGroups(versions)
  const [first, others] = [groups.slice(0, SHOWN), groups.slice(SHOWN)]
  return (
    <>
      <Lines groups={first} />
      {others.length > 0 && (
        <details className={styles.others}>
          <summary>Goals of {others.length} more</summary>
          <Lines groups={others} />
        </details>
      )}
    </>
  )
}

const Lines = ({ groups }: { groups: readonly GoalGroup[] }) => (
  <ul className={styles.goals}>
    {groups.map(({ versions, words }) => (
      <li key={words} data-goal="">
        {versions !== undefined && <strong>{versions}: </strong>}
        <bdi>{words}</bdi>
      </li>
    ))}
  </ul>
)
