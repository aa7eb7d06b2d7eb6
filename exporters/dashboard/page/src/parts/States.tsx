/** What is shown instead of numbers: their shapes while they are on the way, or why there are none. */

import { CircleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { ProblemError, UnreachableError } from '@/api/client'
import { TextButton } from './Controls'
import styles from './States.module.css'

/** The shape of a text that is on its way, in its final size. */
export function Skeleton({ width, height = 14 }: { width: number | string; height?: number }) {
  return <span className={styles.skeleton} style={{ width, height }} aria-hidden />
}

/** Words in the place of content. */
export function Message({
  title,
  children,
  isWhole = false,
}: {
  title: ReactNode
  children?: ReactNode
  /** The message is all that the page has, so its title is the page's. */
  isWhole?: boolean
}) {
  const Title = isWhole ? 'h1' : 'h2'
  return (
    <div className={styles.message}>
      <Title className={styles.title}>{title}</Title>
      {children}
    </div>
  )
}

/** Why numbers cannot be shown, in the words of the API, and a way to try again. */
export function Failed({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const { title, detail, note } = wordsOf(error)
  return (
    <div className={`${styles.message} ${styles.bad}`} role="alert">
      <h2 className={styles.title}>
        <CircleAlert size={18} aria-hidden />
        {title}
      </h2>
      <p>{detail}</p>
      {note !== undefined && <p>{note}</p>}
      <TextButton onPress={onRetry}>Try again</TextButton>
    </div>
  )
}

function wordsOf(error: Error): { title: string; detail: string; note?: string } {
  if (error instanceof UnreachableError) {
    return {
      title: 'The server does not answer',
      detail: 'It may have been stopped, or the way to it is cut. The page asks again every second.',
    }
  }
  if (error instanceof ProblemError) {
    const { title, detail, status, type } = error.problem
    if (status === 503) {
      return { title: 'The numbers cannot be had now', detail, note: 'The page asks again by itself.' }
    }
    return { title, detail, note: `${status} · ${type.replace('urn:wayfold:problem:', '')}` }
  }
  return { title: 'This part of the page failed', detail: error.message }
}
