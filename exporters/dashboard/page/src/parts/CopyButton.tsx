import { type ReactNode, useState } from 'react'
import { TextButton } from './Controls'

/** Puts a text on the clipboard and says so. */
export function CopyButton({
  text,
  icon,
  label,
  isDisabled = false,
}: {
  text: () => string | Promise<string>
  icon: ReactNode
  label: string
  isDisabled?: boolean
}) {
  const [said, setSaid] = useState<string>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(await text())
      setSaid('Copied')
    } catch {
      setSaid('The browser refused')
    }
  }
  return (
    <TextButton isDisabled={isDisabled} onPress={() => void copy()} onBlur={() => setSaid(undefined)}>
      {icon}
      <span aria-live="polite">{said ?? label}</span>
    </TextButton>
  )
}
