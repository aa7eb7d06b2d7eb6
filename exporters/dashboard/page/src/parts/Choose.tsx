import { lazy, type ReactNode, Suspense } from 'react'
import { Opener } from './Opener'
import { Skeleton } from './States'

const Choices = lazy(() => import('./Choices'))

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
  const title = choices.find((choice) => choice.id === chosen)?.title ?? chosen
  return (
    <Opener
      label={label}
      name={`${label}: ${title}`}
      content={(close) => (
        <Suspense fallback={<Skeleton width={180} height={32} />}>
          <Choices
            label={label}
            choices={choices}
            chosen={chosen}
            onChoose={(id) => {
              close()
              onChoose(id as Id)
            }}
          />
        </Suspense>
      )}
    >
      {icon}
      {title}
    </Opener>
  )
}
