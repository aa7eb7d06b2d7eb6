import { describe, expect, it } from 'vitest'
import type { AddedChannelStatuses } from '@/api/generated'
import { groupedByChannel, STATUSES } from './grouping'

function row(channel: string, platform: string, sent: number, clicked = 0): AddedChannelStatuses {
  const none = { events: 0, messages: 0 }
  const statuses = Object.fromEntries(STATUSES.map((status) => [status, none]))
  const machines = { machine_viewed: none, machine_opened: none, machine_clicked: none }
  const counts = { sent: { events: 99, messages: sent }, clicked: { events: 99, messages: clicked } }
  return { channel, platform, ...statuses, ...machines, ...counts } as AddedChannelStatuses
}

describe('channels', () => {
  it('add up the messages of their platforms, not the events', () => {
    const [push] = groupedByChannel([row('push', 'ios', 3, 1), row('push', 'android', 5, 2)])
    expect(push?.messages).toMatchObject({ sent: 8, clicked: 3, failed: 0 })
  })

  it('stand in the order of what they sent, their platforms too', () => {
    const groups = groupedByChannel([row('email', 'none', 1), row('push', 'ios', 3), row('push', 'web', 4)])
    expect(groups.map(({ channel }) => channel)).toEqual(['push', 'email'])
    expect(groups[0]?.platforms.map(({ platform }) => platform)).toEqual(['web', 'ios'])
  })

  it('have no rows of platforms where they have none', () => {
    expect(groupedByChannel([row('sms', 'none', 4)])[0]?.platforms).toEqual([])
    expect(groupedByChannel([row('push', 'none', 4), row('push', 'ios', 1)])[0]?.platforms).toHaveLength(2)
  })

  it('keep their places when nothing was sent', () => {
    const groups = groupedByChannel([row('viber', 'none', 0), row('sms', 'none', 0)])
    expect(groups.map(({ channel }) => channel)).toEqual(['sms', 'viber'])
  })
})
