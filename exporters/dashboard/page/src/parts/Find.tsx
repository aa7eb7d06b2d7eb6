import { Search } from 'lucide-react'
import styles from './Controls.module.css'

/** A field that finds by text, as it is typed; Esc empties it. */
export function Find({
  label,
  value,
  onChange,
}: {
  label: string
  value: string
  onChange: (value: string) => void
}) {
  return (
    <label className={styles.search}>
      <Search aria-hidden />
      <span className="visually-hidden">{label}</span>
      <input
        type="search"
        value={value}
        placeholder={label}
        maxLength={256}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          if (value === '') event.currentTarget.blur()
          else onChange('')
        }}
      />
      <kbd className={styles.key} aria-hidden>
        /
      </kbd>
    </label>
  )
}
