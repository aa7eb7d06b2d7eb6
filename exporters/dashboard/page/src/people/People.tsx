/** The people behind a number, in a drawer over any page; its place in the URL is `people`. */

import { useInfiniteQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Copy, RefreshCw, Users, X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { ask, type Parameters } from '@/api/client'
import type { UsersAnswer } from '@/api/generated'
import { useChange, useView } from '@/api/view'
import { counted } from '@/format/figures'
import { clockTime, days } from '@/format/times'
import { listOf, type NumberEntry, partsOf, useCatalogue } from '@/number/catalogue'
import { filtersInWords } from '@/number/filters'
import { narrowed, peopleOf, type Scope, scopeOf } from '@/number/scope'
import { IconButton, TextButton } from '@/parts/Controls'
import { CopyButton } from '@/parts/CopyButton'
import { Failed, Message, Skeleton } from '@/parts/States'
import { defined } from '@/url/search'
import styles from './People.module.css'

const PAGE = 1_000
const ROW_PX = 36

export default function People() {
  const { search } = useView()
  const { journeyId } = useParams({ strict: false }) as { journeyId?: string }
  const change = useChange()
  const scope = scopeOf(search, journeyId)
  const number = scope === undefined ? undefined : search.people
  // What was open stays in the drawer while it closes.
  const shown = useRef<{ number: string; scope: Scope }>(undefined)
  if (number !== undefined && scope !== undefined) shown.current = { number, scope }
  return (
    <ModalOverlay
      className={styles.overlay ?? ''}
      isDismissable
      isOpen={number !== undefined}
      onOpenChange={(isOpen) => {
        if (!isOpen) change(peopleOf(undefined))
      }}
    >
      <Modal className={styles.drawer ?? ''}>
        <Dialog className={styles.dialog ?? ''}>
          {({ close }) => shown.current && <Opened {...shown.current} onClose={close} />}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function Opened({ number, scope, onClose }: { number: string; scope: Scope; onClose: () => void }) {
  const view = useView()
  const catalogue = useCatalogue()
  const change = useChange()
  const entry = catalogue.entry(number, scope)
  const list = listOf(catalogue, number, scope)
  const parts = list === undefined ? partsOf(catalogue, number, scope) : []
  const { journey, ...part } = scope
  const filters = filtersInWords({ ...view.filters, ...defined(part) })
  const title = catalogue.title(number, scope)
  return (
    <>
      <header className={styles.head}>
        <div>
          <Heading slot="title">{title}</Heading>
          <p className={styles.about}>{[journey, days(view.range), filters].filter(Boolean).join(' · ')}</p>
        </div>
        <IconButton label="Close" onPress={onClose}>
          <X aria-hidden />
        </IconButton>
      </header>
      <p className={styles.meaning}>{entry?.meaning}</p>
      {list !== undefined && <Listed key={list} number={list} entry={entry} scope={scope} />}
      {parts.length > 0 && (
        <div className={styles.tools}>
          {parts.map((part) => (
            <TextButton key={part.number} onPress={() => change(peopleOf(part.number, part.scope))}>
              <Users aria-hidden />
              {catalogue.title(part.number, part.scope)}
            </TextButton>
          ))}
        </div>
      )}
      {list === undefined && parts.length === 0 && (
        <Message title="It has no list yet">
          <p>Its users cannot be listed today. The figures beside it that count people can.</p>
        </Message>
      )}
    </>
  )
}

function Listed({ number, entry, scope }: { number: string; entry: NumberEntry | undefined; scope: Scope }) {
  const view = useView()
  const path = `/v1/journeys/${encodeURIComponent(scope.journey)}/users`
  const parameters: Parameters = { ...narrowed(view, scope), number, limit: PAGE }
  const found = useInfiniteQuery({
    queryKey: ['users', path, parameters],
    queryFn: ({ pageParam, signal }) => ask<UsersAnswer>(path, { ...parameters, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    enabled: view.isReady,
    staleTime: 0,
    gcTime: 0,
  })
  const place = useRef<HTMLDivElement>(null)
  const pages = found.data?.pages ?? []
  const users = pages.flatMap((page) => page.users)
  const total = pages[0]?.total
  const rows = useVirtualizer({
    count: users.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  })
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= users.length - 50) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, users.length])
  const everyId = async () => {
    let data = found.data
    while (data?.pages.at(-1)?.next_cursor) data = (await fetchNextPage()).data
    return (data?.pages ?? []).flatMap((page) => page.users).join('\n')
  }
  if (found.error !== null && total === undefined) {
    return <Failed error={found.error} onRetry={() => void found.refetch()} />
  }
  const unit = entry?.unit
  return (
    <>
      <div className={styles.tools}>
        <h3 className={styles.total} data-total={total} aria-live="polite">
          {total === undefined ? <Skeleton width={96} /> : counted(total, 'user')}
        </h3>
        <CopyButton
          text={everyId}
          icon={<Copy aria-hidden />}
          label="Copy ids"
          isDisabled={total === undefined || total === 0}
        />
        {pages[0] !== undefined && (
          <span className={styles.asOf}>
            as of {clockTime(pages[0].as_of, view.zone)}
            <IconButton label="List them anew" onPress={() => void found.refetch()}>
              <RefreshCw aria-hidden />
            </IconButton>
          </span>
        )}
      </div>
      {unit !== undefined && unit !== 'users' && (
        <p className={styles.meaning}>The figure counts {unit}; the list has each of their users once.</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled list is reached by keyboard */}
      <div ref={place} className={styles.list} tabIndex={0} role="region" aria-label="Users">
        {total === 0 ? (
          <Message title="Nobody">
            <p>No user is counted in this range with these filters.</p>
          </Message>
        ) : (
          <ol className={styles.rows} style={{ height: rows.getTotalSize() }}>
            {items.map(({ index, start }) => (
              <li
                key={index}
                className={styles.row}
                style={{ transform: `translateY(${start}px)` }}
                aria-setsize={total ?? -1}
                aria-posinset={index + 1}
              >
                <span className={styles.position}>{index + 1}</span>
                <bdi title={users[index]}>{users[index]}</bdi>
              </li>
            ))}
          </ol>
        )}
      </div>
    </>
  )
}
