/** One journey: its summary. */

import { useParams } from '@tanstack/react-router'
import { useView } from '@/api/view'
import { ReadingProvider } from '@/number/reading'
import { Failed } from '@/parts/States'
import { Channels } from './channels/Channels'
import styles from './JourneyPage.module.css'
import { isUnknown, NoJourney } from './NoJourney'
import { useJourney } from './question'
import { Steps } from './steps/Steps'
import { Head } from './summary/Head'
import { Headlines } from './summary/Headlines'
import { Versions } from './summary/Versions'
import { Trend } from './trend/Trend'

export function JourneyPage() {
  const { journeyId } = useParams({ from: '/journeys/$journeyId' })
  // What was open or chosen in one journey is not in another.
  return <Summary key={journeyId} journeyId={journeyId} />
}

function Summary({ journeyId }: { journeyId: string }) {
  const view = useView()
  const found = useJourney(journeyId)
  // The strip has every version, also while only one is shown below; without a filter it is the same question.
  const every = useJourney(journeyId, { ofEveryVersion: true })
  const { error } = found
  if (view.accountsError !== null && !view.isReady) {
    return <Failed error={view.accountsError} onRetry={() => window.location.reload()} />
  }
  if (error !== null && isUnknown(error)) {
    return <NoJourney journeyId={journeyId} error={error} />
  }
  // The answer of the journey before is not this one's.
  const answer = found.answer?.journey_id === journeyId ? found.answer : undefined
  const versions = every.answer?.journey_id === journeyId ? every.answer.versions : undefined
  if (error !== null && answer === undefined) return <Failed error={error} onRetry={found.askAgain} />
  const scope = { journey: journeyId }
  return (
    <ReadingProvider reading={answer} isOld={found.isPrevious || error !== null}>
      <div className={styles.journey}>
        <Head journeyId={journeyId} answer={answer} />
        <ReadingProvider reading={every.answer} isOld={every.isPrevious || every.error !== null}>
          <Versions journey={journeyId} versions={versions} />
        </ReadingProvider>
        <Headlines scope={scope} numbers={answer?.numbers} versions={answer?.versions ?? []} />
        <Trend journey={journeyId} numbers={answer?.numbers} />
        <Channels scope={scope} numbers={answer?.numbers} />
        {/* It comes when what is above it has its height. */}
        {answer !== undefined && <Steps journey={journeyId} versions={answer.versions} />}
      </div>
    </ReadingProvider>
  )
}
