/** What is shown, as it stands in the URL: every part typed, checked, and left out where it is the default. */

import { isDay, isRangeName, type RangeName } from './range'

export const PLATFORMS = ['ios', 'android', 'web', 'none'] as const
export type Platform = (typeof PLATFORMS)[number]
export type Clock = 'event' | 'entry'
export const BUCKETS = ['hour', 'day', 'week', 'month'] as const
export type BucketName = (typeof BUCKETS)[number]

/** Filters of a question, by the names that the API gives them. */
export interface Filters {
  version?: number
  step?: string
  channel?: string
  platform?: Platform
  variant?: string
  clock?: Clock
}

/** A number of the page whose people are shown: what it counts, and which of the page's figures it is. */
export interface PeopleOf {
  people?: string
  people_journey?: string
  people_version?: number
  people_step?: string
  people_channel?: string
  people_platform?: Platform
  people_clock?: Clock
}

/** Everything that changes what is shown. */
export interface Search extends Filters, PeopleOf {
  account?: string
  range?: RangeName
  from?: string
  to?: string
  find?: string
  sort?: string
  trend?: string
  bucket?: BucketName
}

const CHANNEL = /^[a-z][a-z0-9_]{0,31}$/
const LONGEST_ID = 256

type Given = Record<string, string>

/** Read a query string; a name that occurs twice, or is not known, is left out by `validated`. */
export function parsed(text: string): Given {
  const given: Given = {}
  for (const [name, value] of new URLSearchParams(text)) given[name] = value
  return given
}

/** Write a query string in a fixed order, so that one view has one link. */
export function stringified(search: Search): string {
  const written = new URLSearchParams()
  for (const name of NAMES) {
    const value = search[name]
    if (value !== undefined) written.set(name, String(value))
  }
  const text = written.toString()
  return text ? `?${text}` : ''
}

const text = (value: string) => (value && value.length <= LONGEST_ID ? value : undefined)
const whole = (value: string) => (/^[1-9][0-9]{0,9}$/.test(value) ? Number(value) : undefined)
const channel = (value: string) => (CHANNEL.test(value) ? value : undefined)
const day = (value: string) => (isDay(value) ? value : undefined)
const one =
  <T extends string>(names: readonly T[]) =>
  (value: string) =>
    names.find((name) => name === value)
const platform = one(PLATFORMS)

const READERS: { [Name in keyof Search]-?: (value: string) => Search[Name] | undefined } = {
  account: text,
  range: (value) => (isRangeName(value) ? value : undefined),
  from: day,
  to: day,
  version: whole,
  step: text,
  channel,
  platform,
  // The variant of those who have none is the empty text, which the API takes.
  variant: (value) => (value.length <= LONGEST_ID ? value : undefined),
  clock: one(['event', 'entry'] as const),
  find: text,
  sort: (value) => (/^-?[a-z_.]{1,64}$/.test(value) ? value : undefined),
  trend: (value) => (/^[a-z_.]{1,64}$/.test(value) ? value : undefined),
  bucket: one(BUCKETS),
  people: (value) => (value && value.length <= 300 ? value : undefined),
  people_journey: text,
  people_version: whole,
  people_step: text,
  people_channel: channel,
  people_platform: platform,
  people_clock: one(['event', 'entry'] as const),
}

const NAMES = Object.keys(READERS) as (keyof Search)[]

/** Keep what can be understood; what cannot is as if it had not been given, so that old links keep working. */
export function validated(given: Record<string, unknown>): Search {
  const found: Record<string, unknown> = {}
  for (const name of NAMES) {
    const value = given[name]
    if (typeof value !== 'string' && typeof value !== 'number') continue
    const read = READERS[name](String(value))
    if (read !== undefined) found[name] = read
  }
  const search = found as Search
  const isWhole = search.from !== undefined && search.to !== undefined && search.from < search.to
  if (!isWhole) {
    delete search.from
    delete search.to
  } else {
    delete search.range
  }
  return search
}

/** The filters of a search. */
export function filtersOf(search: Search): Filters {
  const { version, step, channel, platform, variant, clock } = search
  return defined({ version, step, channel, platform, variant, clock })
}

/** The same without what is undefined, as exact optional properties ask for. */
export function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
}
