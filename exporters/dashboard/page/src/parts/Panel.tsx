/** A part of a page with a heading. */

import { type ReactNode, useId } from 'react'
import styles from './Panel.module.css'

export function Panel({
  title,
  note,
  tools,
  children,
  isFlush = false,
}: {
  title: string
  note?: ReactNode
  tools?: ReactNode
  children: ReactNode
  /** The content reaches to the edges, as a table does. */
  isFlush?: boolean
}) {
  const id = useId()
  return (
    <section className={styles.panel} aria-labelledby={id}>
      <header className={styles.head}>
        <div>
          <h2 id={id}>{title}</h2>
          {note !== undefined && <p className={styles.note}>{note}</p>}
        </div>
        {tools}
      </header>
      <div className={isFlush ? undefined : styles.body}>{children}</div>
    </section>
  )
}
