/** What of a number can still change, in words. */

import { counted } from '@/format/figures'
import { dayAndTime } from '@/format/times'

/** Entries that may still convert, and when the last of their windows closes; null while one has not exited. */
export interface Opening {
  entries: number
  closes_at: string | null
}

export function openingInWords(opening: Opening, zone: string): string {
  if (opening.entries === 0) return 'Settled'
  const open = `${counted(opening.entries, 'entry', 'entries')} open`
  return opening.closes_at === null
    ? `${open}, not all have exited`
    : `${open} until ${dayAndTime(opening.closes_at, zone)}`
}
