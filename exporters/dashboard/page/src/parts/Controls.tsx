/** Buttons, menus, choices and tooltips: one look, one behaviour under mouse, keys, touch and screen readers. */

import { Check, Search } from 'lucide-react'
import type { ReactNode, Ref } from 'react'
import {
  Button,
  type ButtonProps,
  Input,
  type Key,
  ListBox,
  ListBoxItem,
  Popover,
  SearchField,
  Select,
  SelectValue,
  ToggleButton,
  ToggleButtonGroup,
  Tooltip,
  TooltipTrigger,
} from 'react-aria-components'
import styles from './Controls.module.css'

/** A button with words. */
export function TextButton({ children, ...rest }: ButtonProps) {
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

export interface Choice<Id extends string> {
  id: Id
  title: string
  icon?: ReactNode
}

/** One of a list, chosen from a menu. */
export function Choose<Id extends string>({
  label,
  icon,
  choices,
  chosen,
  onChoose,
}: {
  label: string
  icon?: ReactNode
  choices: readonly Choice<Id>[]
  chosen: Id
  onChoose: (id: Id) => void
}) {
  return (
    <Select
      aria-label={label}
      selectedKey={chosen}
      onSelectionChange={(key: Key | null) => key !== null && onChoose(String(key) as Id)}
    >
      <Button className={styles.button ?? ''}>
        {icon}
        <SelectValue>{choices.find((choice) => choice.id === chosen)?.title ?? chosen}</SelectValue>
      </Button>
      <Popover className={styles.popover ?? ''} offset={4}>
        <ListBox className={styles.menu ?? ''} items={choices}>
          {(choice) => (
            <ListBoxItem id={choice.id} textValue={choice.title} className={styles.item ?? ''}>
              {choice.icon}
              {choice.title}
              <Check className={styles.check} aria-hidden />
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  )
}

/** One of a few that all stand there. */
export function Segments<Id extends string>({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string
  choices: readonly Choice<Id>[]
  chosen: Id
  onChoose: (id: Id) => void
}) {
  return (
    <ToggleButtonGroup
      aria-label={label}
      className={styles.segments ?? ''}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[chosen]}
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

/** A field that finds by text, as it is typed. */
export function Find({
  label,
  value,
  onChange,
  field,
}: {
  label: string
  value: string
  onChange: (value: string) => void
  field?: Ref<HTMLInputElement>
}) {
  return (
    <SearchField aria-label={label} value={value} onChange={onChange} className={styles.search ?? ''}>
      <Search aria-hidden />
      <Input ref={field} placeholder={label} maxLength={256} />
      <kbd className={styles.key} aria-hidden>
        /
      </kbd>
    </SearchField>
  )
}

export const popoverClass = styles.popover ?? ''
export const menuClass = styles.menu ?? ''
export const itemClass = styles.item ?? ''
export const buttonClass = styles.button ?? ''
export const iconClass = styles.icon ?? ''
export const keyClass = styles.key ?? ''
