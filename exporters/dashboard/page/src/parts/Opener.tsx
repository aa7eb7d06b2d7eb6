/** A button that opens a small window beside it. What is inside is loaded when it is first opened. */

import { lazy, type ReactNode, Suspense, useRef, useState } from 'react'
import { Button } from 'react-aria-components'
import { buttonClass } from './Controls'

const Opened = lazy(() => import('./Opened'))

export function Opener({
  label,
  name,
  className = buttonClass,
  children,
  content,
  excludeFromTabOrder = false,
}: {
  /** What the window is called. */
  label: string
  /** What the button is called, where its words do not say it. */
  name?: string
  className?: string
  children: ReactNode
  content: (close: () => void) => ReactNode
  excludeFromTabOrder?: boolean
}) {
  const place = useRef<HTMLButtonElement>(null)
  const [isOpen, setOpen] = useState(false)
  const [wasOpen, setWasOpen] = useState(false)
  return (
    <>
      <Button
        ref={place}
        className={className}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        excludeFromTabOrder={excludeFromTabOrder}
        {...(name === undefined ? {} : { 'aria-label': name })}
        onPress={() => {
          setWasOpen(true)
          setOpen(true)
        }}
      >
        {children}
      </Button>
      {wasOpen && (
        <Suspense fallback={null}>
          <Opened place={place} label={label} isOpen={isOpen} onOpenChange={setOpen}>
            {content}
          </Opened>
        </Suspense>
      )}
    </>
  )
}
