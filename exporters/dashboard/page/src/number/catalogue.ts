/** What each number is called and what it means: texts of the API's catalogue, and of nowhere else. */

import { useQuery } from '@tanstack/react-query'
import { ask } from '@/api/client'
import type { CatalogueAnswer, CatalogueNumber, CatalogueStep } from '@/api/generated'

export type NumberEntry = CatalogueNumber

const NONE: ReadonlyMap<string, NumberEntry> = new Map()
const NO_STEPS: readonly CatalogueStep[] = []

/** The catalogue; undefined until it is there. It is constant while the server lives. */
function useAnswer() {
  return useQuery({
    queryKey: ['catalogue'],
    queryFn: async ({ signal }) => {
      const { numbers, steps } = await ask<CatalogueAnswer>('/v1/catalogue', {}, signal)
      return { numbers: new Map(numbers.map((entry) => [entry.name, entry] as const)), steps }
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => (query.state.data === undefined ? 2_000 : false),
  }).data
}

/** Numbers by name; empty until the catalogue is there. */
export const useCatalogue = (): ReadonlyMap<string, NumberEntry> => useAnswer()?.numbers ?? NONE

/** What each kind of step shows; empty until the catalogue is there. */
export const useStepKinds = (): readonly CatalogueStep[] => useAnswer()?.steps ?? NO_STEPS

/** A title for people; the plain name until the catalogue is there. */
export const titleOf = (catalogue: ReadonlyMap<string, NumberEntry>, number: string): string =>
  catalogue.get(number)?.title ?? number
