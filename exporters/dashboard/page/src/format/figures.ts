/** Figures as people read them. A missing value is never shown as a number. */

export const MISSING = '—'

const exactFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compactFormat = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const shareFormat = new Intl.NumberFormat('en', {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
})

/** From where a headline is shortened: 12.4K; tables are exact. */
export const COMPACT_FROM = 10_000

/** A whole number with thousands apart: 1,204. */
export const exact = (value: number | null | undefined): string =>
  value === null || value === undefined ? MISSING : exactFormat.format(value)

/** The same shortened from 10,000 on: 12.4k. */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return MISSING
  return Math.abs(value) < COMPACT_FROM
    ? exactFormat.format(value)
    : compactFormat.format(value).replace('K', 'k')
}

/** A share in percent with one decimal. One that is neither nothing nor all never looks as if it were. */
export function share(value: number | null | undefined): string {
  if (value === null || value === undefined) return MISSING
  if (value > 0 && value < 0.0005) return '< 0.1 %'
  if (value < 1 && value >= 0.9995) return '> 99.9 %'
  return shareFormat.format(value).replace('%', ' %')
}

/** An exact decimal text with its currency: 1,234.50 EUR; the digits are those of the text. */
export function money(decimal: string, currency: string): string {
  const [, sign = '', whole = '0', decimals] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? []
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const cents = decimals === undefined ? '' : `.${decimals.length === 1 ? `${decimals}0` : decimals}`
  return `${sign}${grouped}${cents} ${currency}`
}

/** A length of time in its two largest units: 2 h 5 min. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return MISSING
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const units: [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  let rest = Math.round(seconds)
  const words: string[] = []
  for (const [size, name] of units) {
    const count = Math.floor(rest / size)
    if (count === 0 && words.length === 0) continue
    if (words.length === 2) break
    if (count > 0) words.push(`${count} ${name}`)
    else break
    rest -= count * size
  }
  return words.join(' ')
}

/** "1 user", "2 users". */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${exact(count)} ${count === 1 ? singular : plural}`
