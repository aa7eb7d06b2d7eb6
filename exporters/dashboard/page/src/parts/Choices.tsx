import { Check } from 'lucide-react'
import { ListBox, ListBoxItem } from 'react-aria-components'
import type { Choice } from './Choose'
import styles from './Controls.module.css'

/** The menu of `Choose`. Choosing what was chosen already closes it as well. */
export default function Choices({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string
  choices: readonly Choice<string>[]
  chosen?: string | undefined
  onChoose: (id: string) => void
}) {
  return (
    <ListBox
      aria-label={label}
      className={styles.menu ?? ''}
      items={choices}
      autoFocus="first"
      selectionMode="single"
      selectedKeys={chosen === undefined ? [] : [chosen]}
      // An action is only told while nothing is chosen; choosing the same again empties the selection.
      onSelectionChange={(keys) => {
        const [key = chosen] = keys
        if (key !== undefined) onChoose(String(key))
      }}
      renderEmptyState={() => <p className={styles.none}>None is known yet.</p>}
    >
      {(choice) => (
        <ListBoxItem id={choice.id} textValue={choice.title} className={styles.item ?? ''}>
          {choice.icon}
          {choice.title}
          <Check className={styles.check} aria-hidden />
        </ListBoxItem>
      )}
    </ListBox>
  )
}
