/** Of which answer the figures on a part of the page are. */

import { createContext, type ReactNode, useContext } from 'react'
import { useView } from '@/api/view'
import { isStale } from '@/frame/staleness'

export interface Reading {
  as_of: string
  watermark: string | null
}

const Context = createContext<{ reading: Reading | undefined; isOld: boolean }>({
  reading: undefined,
  isOld: false,
})

/** Tells the figures inside of which answer they are; those of an old one are grey. */
export function ReadingProvider({
  reading,
  isOld,
  children,
}: {
  reading: Reading | undefined
  isOld: boolean
  children: ReactNode
}) {
  const { heartbeat, heartbeatError } = useView()
  const value = { reading, isOld: isOld || heartbeatError !== null || isStale(heartbeat) }
  return <Context value={value}>{children}</Context>
}

export const useReading = () => useContext(Context)
