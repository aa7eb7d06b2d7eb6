/** Which journey it is, and its versions. */

import { Link } from '@tanstack/react-router'
import { ChevronRight } from 'lucide-react'
import { keptOf } from '@/frame/kept'
import { Skeleton } from '@/parts/States'
import { paths } from '@/url/paths'
import type { JourneyAnswer } from '../question'
import styles from './Head.module.css'

export function Head({ journeyId, answer }: { journeyId: string; answer: JourneyAnswer | undefined }) {
  return (
    <header className={styles.head}>
      <nav aria-label="Where this is" className={styles.way}>
        <Link to={paths.journeys()} search={keptOf}>
          Journeys
        </Link>
        <ChevronRight aria-hidden />
        <bdi aria-current="page">{journeyId}</bdi>
      </nav>
      <h1>
        {answer === undefined ? (
          <Skeleton width={200} height={22} />
        ) : (
          <bdi title={answer.name}>{answer.name}</bdi>
        )}
      </h1>
    </header>
  )
}
