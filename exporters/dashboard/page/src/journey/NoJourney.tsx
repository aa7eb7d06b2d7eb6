/** There is no such journey, or not what is filtered by. */

import { Link } from '@tanstack/react-router'
import { ProblemError } from '@/api/client'
import { useView } from '@/api/view'
import { keptOf } from '@/frame/kept'
import { filtersInWords } from '@/number/filters'
import { Message } from '@/parts/States'
import { paths } from '@/url/paths'

/** Whether the API knows neither the journey, nor the version or step that is filtered by. */
export const isUnknown = (error: Error): error is ProblemError =>
  error instanceof ProblemError && error.problem.status === 404

export function NoJourney({ journeyId, error }: { journeyId: string; error: ProblemError }) {
  const { account, filters } = useView()
  const { version, step } = filters
  const narrow = filtersInWords({ ...(version && { version }), ...(step && { step }) })
  if (narrow !== '') {
    return (
      <Message isWhole title={`“${journeyId}” with ${narrow} is not known`}>
        <p>{error.problem.detail}</p>
        <Link to={paths.journey(journeyId)} search={keptOf}>
          The journey without these filters
        </Link>
      </Message>
    )
  }
  return (
    <Message isWhole title={`There is no journey “${journeyId}” in “${account}”`}>
      <p>
        No event of it was counted and no definition names it. It may belong to another account, which you
        choose at the top, or its first event is on its way: the page looks again by itself.
      </p>
      <Link to={paths.journeys()} search={keptOf}>
        All journeys
      </Link>
    </Message>
  )
}
