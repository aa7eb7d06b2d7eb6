/** Choose a dimension, then a value of it. */

import { type FormEvent, useState } from 'react'
import { Input, Label, TextField } from 'react-aria-components'
import type { JourneyAnswer } from '@/journey/question'
import Choices from '@/parts/Choices'
import { TextButton } from '@/parts/Controls'
import { type Dimension, TITLES, valuesOf } from './dimensions'
import styles from './Filters.module.css'

export interface AddingProps {
  dimensions: readonly Dimension[]
  answer: JourneyAnswer | undefined
  onChoose: (name: Dimension, value: string | number) => void
}

export default function AddFilter({ dimensions, answer, onChoose }: AddingProps) {
  const [chosen, setChosen] = useState<Dimension>()
  if (chosen === undefined) {
    const choices = dimensions.map((name) => ({ id: name, title: TITLES[name] }))
    return (
      <Choices
        key="dimensions"
        label="Filter by"
        choices={choices}
        onChoose={(id) => setChosen(id as Dimension)}
      />
    )
  }
  const done = (value: string) => onChoose(chosen, chosen === 'version' ? Number(value) : value)
  const values = valuesOf(chosen, answer)
  if (values === undefined) return <VariantForm onChoose={done} />
  return <Choices key="values" label={TITLES[chosen]} choices={values} onChoose={done} />
}

function VariantForm({ onChoose }: { onChoose: (value: string) => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onChoose(String(new FormData(event.currentTarget).get('variant') ?? ''))
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <TextField name="variant" maxLength={256} autoFocus>
        <Label>Variant, empty for none</Label>
        <Input className={styles.input ?? ''} />
      </TextField>
      <TextButton type="submit">Filter</TextButton>
    </form>
  )
}
