/** What is asked about one journey. */

import type { JourneyAnswer } from '@/api/generated'
import { type Live, useLive } from '@/api/live'
import { asked, useView } from '@/api/view'

export type { JourneyAnswer }

/** The journey with its versions and steps, in the view's range and filters, or without any. */
export function useJourney(
  journeyId: string | undefined,
  { isUnfiltered = false }: { isUnfiltered?: boolean } = {},
): Live<JourneyAnswer> {
  const view = useView()
  const isAsked = journeyId !== undefined && view.isReady
  return useLive<JourneyAnswer>(
    isAsked
      ? {
          path: `/v1/journeys/${encodeURIComponent(journeyId)}`,
          parameters: isUnfiltered ? { account: view.account } : asked(view),
        }
      : undefined,
  )
}
