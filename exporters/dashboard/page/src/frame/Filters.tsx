/** The filters in force as chips, each taken off with one press, and a menu of those that can be put on. */

import { useParams } from '@tanstack/react-router'
import { Filter, X } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import {
  Button,
  Dialog,
  DialogTrigger,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  TextField,
} from 'react-aria-components'
import { useChange, useView } from '@/api/view'
import { type JourneyAnswer, useJourney } from '@/journey/question'
import { buttonClass, itemClass, menuClass, popoverClass, TextButton } from '@/parts/Controls'
import { PLATFORMS, type Search } from '@/url/search'
import styles from './Filters.module.css'

type Dimension = 'version' | 'step' | 'channel' | 'platform' | 'variant' | 'clock'

const TITLES: Record<Dimension, string> = {
  version: 'Version',
  step: 'Step',
  channel: 'Channel',
  platform: 'Platform',
  variant: 'Variant',
  clock: 'Clock',
}

const OF_JOURNEYS: readonly Dimension[] = ['channel', 'platform', 'clock']
const OF_JOURNEY: readonly Dimension[] = ['version', 'step', 'channel', 'platform', 'variant', 'clock']
const COMMON_CHANNELS = ['push', 'sms', 'email', 'in_app', 'viber', 'whatsapp', 'voice', 'webhook']

export function Filters() {
  const { journeyId } = useParams({ strict: false }) as { journeyId?: string }
  const { search } = useView()
  const change = useChange()
  // What can be chosen is what the journey has, whatever is filtered now.
  const { answer } = useJourney(journeyId, { isUnfiltered: true })
  const dimensions = journeyId === undefined ? OF_JOURNEYS : OF_JOURNEY
  const inForce = dimensions.filter((name) => search[name] !== undefined)
  return (
    <div className={styles.filters} role="group" aria-label="Filters">
      {inForce.map((name) => (
        <Button
          key={name}
          className={styles.chip ?? ''}
          data-filter={name}
          aria-label={`${TITLES[name]}: ${titleOf(name, search, answer)}. Take off`}
          onPress={() => change({ [name]: undefined })}
        >
          {TITLES[name]}: {titleOf(name, search, answer)}
          <X aria-hidden />
        </Button>
      ))}
      <AddFilter
        dimensions={dimensions.filter((name) => search[name] === undefined)}
        answer={answer}
        onChoose={(name, value) => change({ [name]: value } as Partial<Search>)}
      />
    </div>
  )
}

interface Value {
  id: string
  title: string
}

/** The values that are known of a dimension; undefined where any text is one. */
function valuesOf(name: Dimension, answer: JourneyAnswer | undefined): Value[] | undefined {
  const same = (values: readonly string[]) => values.map((value) => ({ id: value, title: value }))
  switch (name) {
    case 'version':
      return answer?.versions.map(({ journey_version, name: title }) => ({
        id: String(journey_version),
        title: `${journey_version} · ${title}`,
      }))
    case 'step': {
      const titles = new Map(
        answer?.versions.flatMap(({ steps }) => steps.map((step) => [step.step_id, step.name] as const)),
      )
      return [...titles].map(([id, title]) => ({ id, title }))
    }
    case 'channel': {
      const own = answer?.versions.flatMap(({ steps }) =>
        steps.flatMap((step) => (step.numbers.channels ?? []).map((row) => row.channel)),
      )
      return same(own?.length ? [...new Set(own)].sort() : COMMON_CHANNELS)
    }
    case 'platform':
      return same(PLATFORMS)
    case 'clock':
      return [{ id: 'entry', title: CLOCKS.entry }]
    case 'variant':
      return undefined
  }
}

export const CLOCKS = {
  event: "by each event's own time",
  entry: 'by the time of the entry',
} as const

function titleOf(name: Dimension, search: Search, answer: JourneyAnswer | undefined): string {
  const value = String(search[name])
  if (name === 'variant' && value === '') return 'none'
  return valuesOf(name, answer)?.find(({ id }) => id === value)?.title ?? value
}

function AddFilter({
  dimensions,
  answer,
  onChoose,
}: {
  dimensions: readonly Dimension[]
  answer: JourneyAnswer | undefined
  onChoose: (name: Dimension, value: string | number) => void
}) {
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState<Dimension>()
  if (dimensions.length === 0) return null
  const done = (name: Dimension, value: string) => {
    onChoose(name, name === 'version' ? Number(value) : value)
    setOpen(false)
    setChosen(undefined)
  }
  const values = chosen === undefined ? undefined : valuesOf(chosen, answer)
  return (
    <DialogTrigger
      isOpen={isOpen}
      onOpenChange={(open) => {
        setOpen(open)
        setChosen(undefined)
      }}
    >
      <Button className={buttonClass}>
        <Filter aria-hidden />
        Filter
      </Button>
      <Popover className={popoverClass} placement="bottom start" offset={4}>
        <Dialog className={styles.dialog ?? ''} aria-label="Put on a filter">
          {chosen === undefined ? (
            <ListBox
              key="dimensions"
              aria-label="Filter by"
              className={menuClass}
              autoFocus="first"
              onAction={(key) => setChosen(String(key) as Dimension)}
            >
              {dimensions.map((name) => (
                <ListBoxItem key={name} id={name} className={itemClass}>
                  {TITLES[name]}
                </ListBoxItem>
              ))}
            </ListBox>
          ) : values !== undefined ? (
            <ListBox
              key="values"
              aria-label={TITLES[chosen]}
              className={menuClass}
              autoFocus="first"
              onAction={(key) => done(chosen, String(key))}
              renderEmptyState={() => <p className={styles.none}>None is known yet.</p>}
            >
              {values.map(({ id, title }) => (
                <ListBoxItem key={id} id={id} textValue={title} className={itemClass}>
                  {title}
                </ListBoxItem>
              ))}
            </ListBox>
          ) : (
            <VariantForm onChoose={(value) => done(chosen, value)} />
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
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
