/** What each number is called and what it means: texts of the API's catalogue, and of nowhere else. */

import { useQuery } from '@tanstack/react-query'
import { ask } from '@/api/client'
import type { CatalogueAnswer, CatalogueNumber } from '@/api/generated'

export type NumberEntry = CatalogueNumber

const NONE: ReadonlyMap<string, NumberEntry> = new Map()

/** Numbers by name; empty until the catalogue is there. It is constant while the server lives. */
export function useCatalogue(): ReadonlyMap<string, NumberEntry> {
  const { data } = useQuery({
    queryKey: ['catalogue'],
    queryFn: async ({ signal }) => {
      const { numbers } = await ask<CatalogueAnswer>('/v1/catalogue', {}, signal)
      return new Map(numbers.map((entry) => [entry.name, entry] as const))
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => (query.state.data === undefined ? 2_000 : false),
  })
  return data ?? NONE
}

/** A title for people; the plain name until the catalogue is there. */
export const titleOf = (catalogue: ReadonlyMap<string, NumberEntry>, number: string): string =>
  catalogue.get(number)?.title ?? number
