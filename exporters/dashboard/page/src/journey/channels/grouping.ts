/** The channels of a journey, each with its platforms. */

import type { AddedChannelStatuses } from '@/api/generated'

export const STATUSES = [
  'sent',
  'delivered',
  'viewed',
  'opened',
  'clicked',
  'failed',
  'unsubscribed',
] as const
export type Status = (typeof STATUSES)[number]
export type Messages = Record<Status, number>

export interface PlatformRow {
  platform: string
  messages: Messages
}

export interface ChannelGroup {
  channel: string
  messages: Messages
  /** Empty where the channel has no platforms. */
  platforms: readonly PlatformRow[]
}

/**
 * Group rows by channel, the one that sent most first.
 *
 * A message stands under one platform only, so that those of the platforms add up to those of the channel.
 */
export function groupedByChannel(rows: readonly AddedChannelStatuses[]): ChannelGroup[] {
  const byChannel = new Map<string, PlatformRow[]>()
  for (const row of rows) {
    const platforms = byChannel.get(row.channel) ?? []
    platforms.push({ platform: row.platform, messages: messagesOf((status) => row[status].messages) })
    byChannel.set(row.channel, platforms)
  }
  return [...byChannel]
    .map(([channel, platforms]) => ({
      channel,
      platforms: hasPlatforms(platforms) ? bySent(platforms, ({ platform }) => platform) : [],
      messages: messagesOf((status) =>
        platforms.reduce((total, { messages }) => total + messages[status], 0),
      ),
    }))
    .sort((a, b) => b.messages.sent - a.messages.sent || (a.channel < b.channel ? -1 : 1))
}

const messagesOf = (count: (status: Status) => number): Messages =>
  Object.fromEntries(STATUSES.map((status) => [status, count(status)])) as Messages

const bySent = <Row extends { messages: Messages }>(
  rows: readonly Row[],
  name: (row: Row) => string,
): Row[] => [...rows].sort((a, b) => b.messages.sent - a.messages.sent || (name(a) < name(b) ? -1 : 1))

/** Whether rows tell platforms apart: one without a platform says the same as its channel. */
export const hasPlatforms = (rows: readonly { platform: string }[]): boolean =>
  rows.some(({ platform }) => platform !== 'none')
