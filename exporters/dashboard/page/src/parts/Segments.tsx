import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import styles from './Controls.module.css'

/** One of a few that all stand there. */
export function Segments<Id extends string>({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string
  choices: readonly { id: Id; title: string }[]
  /** undefined: none of them yet. */
  chosen: Id | undefined
  onChoose: (id: Id) => void
}) {
  return (
    <ToggleButtonGroup
      aria-label={label}
      className={styles.segments ?? ''}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={chosen === undefined ? [] : [chosen]}
      onSelectionChange={(keys) => {
        for (const key of keys) onChoose(String(key) as Id)
      }}
    >
      {choices.map((choice) => (
        <ToggleButton key={choice.id} id={choice.id} className={styles.segment ?? ''}>
          {choice.title}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  )
}
