/** Money by currency, each exact; sums of different currencies are never added. */

import { Figure } from '@/number/Figure'
import type { Scope } from '@/number/scope'
import type { Amounts } from './amounts'
import styles from './Money.module.css'

export function Money({
  number,
  scope,
  amounts,
}: {
  number: string
  scope: Scope
  /** undefined: a filter in force does not apply to it. */
  amounts: Amounts | undefined
}) {
  if (amounts === undefined) return <Figure number={number} scope={scope} value={undefined} />
  const sums = Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1))
  if (sums.length === 0) {
    return (
      <span
        className={styles.none}
        data-number={number}
        data-journey={scope.journey}
        data-version={scope.version}
        data-step={scope.step}
        data-channel={scope.channel}
        data-value="none"
        title="None"
      >
        none
      </span>
    )
  }
  return (
    <span className={styles.money}>
      {sums.map(([currency, amount]) => (
        <span key={currency} className={styles.sum}>
          <Figure number={number} scope={scope} value={amount} currency={currency} />
        </span>
      ))}
    </span>
  )
}
