/** Buttons and tooltips: one look, one behaviour under mouse, keys, touch and screen readers. */

import type { ReactNode, Ref } from 'react'
import { Button, type ButtonProps, Tooltip, TooltipTrigger } from 'react-aria-components'
import styles from './Controls.module.css'

/** A button with words. */
export function TextButton({ children, ...rest }: ButtonProps & { ref?: Ref<HTMLButtonElement> }) {
  return (
    <Button {...rest} className={styles.button ?? ''}>
      {children}
    </Button>
  )
}

/** A button with an icon; `label` says what it does, to those who hover and those who cannot see. */
export function IconButton({
  label,
  children,
  ...rest
}: Omit<ButtonProps, 'children'> & { label: string; children: ReactNode }) {
  return (
    <Tip text={label}>
      <Button {...rest} aria-label={label} className={styles.icon ?? ''}>
        {children}
      </Button>
    </Tip>
  )
}

/** A few words beside what is hovered or focused. */
export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <TooltipTrigger delay={400} closeDelay={80}>
      {children}
      <Tooltip className={styles.tooltip ?? ''} offset={6}>
        {text}
      </Tooltip>
    </TooltipTrigger>
  )
}

export const buttonClass = styles.button ?? ''
export const iconClass = styles.icon ?? ''
export const keyClass = styles.key ?? ''
