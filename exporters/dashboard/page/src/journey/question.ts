/** What is asked about one journey. */

import type { JourneyAnswer } from '@/api/generated'
import { type Live, useLive } from '@/api/live'
import { asked, useView } from '@/api/view'

export type { JourneyAnswer }

export interface Asking {
  /** The whole journey: no range, no filter. */
  isUnfiltered?: boolean
  /** Every version, whichever is filtered by. */
  ofEveryVersion?: boolean
}

/** The journey with its versions and steps, in the view's range and filters, or without some of them. */
export function useJourney(
  journeyId: string | undefined,
  { isUnfiltered = false, ofEveryVersion = false }: Asking = {},
): Live<JourneyAnswer> {
  const view = useView()
  const isAsked = journeyId !== undefined && view.isReady
  const { version: _, ...otherFilters } = view.filters
  const parameters = asked(ofEveryVersion ? { ...view, filters: otherFilters } : view)
  return useLive<JourneyAnswer>(
    isAsked
      ? {
          path: `/v1/journeys/${encodeURIComponent(journeyId)}`,
          parameters: isUnfiltered ? { account: view.account } : parameters,
        }
      : undefined,
  )
}
