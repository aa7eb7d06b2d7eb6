/** Money by currency, each exact; sums of different currencies are never added. */

import { MISSING, money } from '@/format/figures'
import { useReading } from '@/number/reading'
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
  const { isOld } = useReading()
  const sums = Object.entries(amounts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const look = `${styles.money} ${isOld ? styles.old : ''}`
  if (sums.length === 0) {
    return (
      <span
        className={`${look} ${styles.none}`}
        data-number={number}
        data-journey={scope.journey}
        data-version={scope.version}
        data-step={scope.step}
        data-channel={scope.channel}
        data-value={amounts === undefined ? 'not filterable' : 'none'}
        title={amounts === undefined ? 'A filter in force does not apply to it.' : 'None'}
      >
        {amounts === undefined ? MISSING : 'none'}
      </span>
    )
  }
  return (
    <span className={look}>
      {sums.map(([currency, amount]) => (
        <span
          key={currency}
          data-number={number}
          data-journey={scope.journey}
          data-version={scope.version}
          data-step={scope.step}
          data-channel={scope.channel}
          data-currency={currency}
          data-value={amount}
        >
          {money(amount, currency)}
        </span>
      ))}
    </span>
  )
}
