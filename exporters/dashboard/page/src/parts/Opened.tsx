import type { ReactNode, RefObject } from 'react'
import { Dialog, Popover } from 'react-aria-components'
import styles from './Controls.module.css'

/** The window that an `Opener` opens. */
export default function Opened({
  place,
  label,
  isOpen,
  onOpenChange,
  children,
}: {
  place: RefObject<HTMLButtonElement | null>
  label: string
  isOpen: boolean
  onOpenChange: (isOpen: boolean) => void
  children: (close: () => void) => ReactNode
}) {
  return (
    <Popover
      triggerRef={place}
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      className={styles.popover ?? ''}
      placement="bottom start"
      offset={4}
    >
      <Dialog className={styles.window ?? ''} aria-label={label}>
        {children(() => onOpenChange(false))}
      </Dialog>
    </Popover>
  )
}
