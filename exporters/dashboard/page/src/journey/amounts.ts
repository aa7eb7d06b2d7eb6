/** Sums of money: exact decimal texts by currency. They never become floating point numbers. */

export type Amounts = Readonly<Record<string, string>>

/** Add decimal texts up, exactly. */
export function added(decimals: readonly string[]): string {
  const places = Math.max(0, ...decimals.map((text) => (text.split('.')[1] ?? '').length))
  const sum = decimals.reduce((total, text) => total + scaled(text, places), 0n)
  const digits = (sum < 0n ? -sum : sum).toString().padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  const rest = digits.slice(digits.length - places).replace(/0+$/, '')
  return `${sum < 0n ? '-' : ''}${whole}${rest && `.${rest}`}`
}

/** What several sums come to, in each currency. */
export function addedByCurrency(sums: readonly Amounts[]): Amounts {
  const currencies = [...new Set(sums.flatMap((sum) => Object.keys(sum)))].sort()
  return Object.fromEntries(
    currencies.map((currency) => [
      currency,
      added(sums.map((sum) => sum[currency]).filter((amount) => amount !== undefined)),
    ]),
  )
}

/** A decimal text as a whole number of its smallest unit. */
function scaled(text: string, places: number): bigint {
  const [whole = '0', decimals = ''] = text.split('.')
  return BigInt(`${whole}${decimals.padEnd(places, '0')}`)
}
