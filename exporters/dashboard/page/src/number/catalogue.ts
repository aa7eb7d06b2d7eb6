/** What each number is called and what it means: texts of the API's catalogue, and of nowhere else. */

import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ask } from '@/api/client'
import type { CatalogueAnswer, CatalogueNumber, CatalogueStep } from '@/api/generated'
import type { Scope } from './scope'

export type NumberEntry = CatalogueNumber

/** Of what a number is: of a journey, where neither is named. */
export type Place = Pick<Scope, 'version' | 'step'>

/** Finds what is said of a number; a name may mean another number at a step than of a journey. */
export class Catalogue {
  readonly answer: CatalogueAnswer | undefined
  private readonly entries = new Map<string, NumberEntry>()

  /** What each kind of step shows first. */
  get steps(): readonly CatalogueStep[] {
    return this.answer?.steps ?? []
  }

  constructor(answer: CatalogueAnswer | undefined) {
    this.answer = answer
    for (const entry of answer?.numbers ?? []) {
      for (const scope of entry.scopes) this.entries.set(`${scope} ${entry.name}`, entry)
    }
  }

  /** What is said of a number, undefined while the catalogue is on its way. */
  entry(number: string, scope: Place = {}): NumberEntry | undefined {
    return this.entries.get(`${placeOf(scope)} ${general(number)}`)
  }

  /** Its title for people. */
  title(number: string, scope: Place = {}): string {
    const name = this.entry(number, scope)?.title ?? this.unknown(number)
    return number.startsWith(GOALS) ? `${name}: ${number.slice(GOALS.length)}` : name
  }

  /** The same where what is around says the rest, as in the head of a table. */
  shortTitle(number: string, scope: Place = {}): string {
    return this.entry(number, scope)?.short_title ?? this.unknown(number)
  }

  /** A space of one line while the catalogue is on its way: nobody reads plain names. */
  private unknown(number: string): string {
    return this.answer === undefined ? '\u00a0' : number
  }
}

/** A number that a rate is made of, in the scope in which it is: a cohort's is on the clock of the entry. */
export interface Part {
  number: string
  scope: Scope
}

/** The numerator and the denominator of a rate; empty for what is none. */
export function partsOf(catalogue: Catalogue, number: string, scope: Scope): Part[] {
  const rate = catalogue.entry(number, scope)
  return [rate?.numerator, rate?.denominator]
    .filter((name) => name !== undefined && name !== null)
    .map((name) => {
      const placed = catalogue.entry(name, scope)?.placed_by
      const isOther = placed?.event !== rate?.placed_by?.event
      const isCohort = isOther && placed?.entry === rate?.placed_by?.event
      return { number: name, scope: isCohort ? { ...scope, clock: 'entry' } : scope }
    })
}

/** The number by whose name the users behind a number are listed; undefined where they cannot be. */
export function listOf(catalogue: Catalogue, number: string, scope: Scope): string | undefined {
  const entry = catalogue.entry(number, scope)
  if (entry === undefined) return catalogue.answer === undefined ? number : undefined
  if (entry.list === null) return undefined
  return number.startsWith(GOALS) ? number : entry.list
}

const GOALS = 'goals:'

/** Goals of any name are one number of the catalogue. */
const general = (number: string): string => (number.startsWith(GOALS) ? 'goals.events' : number)

const placeOf = ({ step, version }: Place): string =>
  step !== undefined ? 'step' : version !== undefined ? 'version' : 'journey'

/** The catalogue; without entries until it is there. It is constant while the server lives. */
export function useCatalogue(): Catalogue {
  const { data } = useQuery({
    queryKey: ['catalogue'],
    queryFn: ({ signal }) => ask<CatalogueAnswer>('/v1/catalogue', {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => (query.state.data === undefined ? 2_000 : false),
  })
  return useMemo(() => of(data), [data])
}

const made = new WeakMap<CatalogueAnswer, Catalogue>()
const EMPTY = new Catalogue(undefined)

/** One for all who ask: hundreds of figures do. */
function of(answer: CatalogueAnswer | undefined): Catalogue {
  if (answer === undefined) return EMPTY
  let catalogue = made.get(answer)
  if (catalogue === undefined) {
    catalogue = new Catalogue(answer)
    made.set(answer, catalogue)
  }
  return catalogue
}
