/** One journey: its summary. */

import { useParams } from '@tanstack/react-router'
import { ReadingProvider } from '@/number/reading'
import { Failed } from '@/parts/States'
import { useJourney } from './question'

export function JourneyPage() {
  const { journeyId } = useParams({ from: '/journeys/$journeyId' })
  const found = useJourney(journeyId)
  if (found.error !== null && found.answer === undefined) {
    return <Failed error={found.error} onRetry={found.askAgain} />
  }
  return (
    <ReadingProvider reading={found.answer} isOld={found.isPrevious || found.error !== null}>
      <h1>{found.answer?.name ?? journeyId}</h1>
    </ReadingProvider>
  )
}
