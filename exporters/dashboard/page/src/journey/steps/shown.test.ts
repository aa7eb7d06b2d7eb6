import { describe, expect, it } from 'vitest'
import type { CatalogueStep, Step } from '@/api/generated'
import { columnsOf, shownBy } from './shown'

const KINDS: CatalogueStep[] = [
  { type: 'message', channel: 'in_app', title: 'In-app', numbers: ['viewed.messages', 'clicked.messages'] },
  { type: 'message', channel: null, title: 'Message', numbers: ['sent.messages', 'failed.messages'] },
  { type: 'action', channel: null, title: 'Action', numbers: ['goals.events', 'goals.values'] },
  { type: null, channel: null, title: 'Unknown', numbers: ['entered'] },
]
const step = (type: string | null, channel: string | null, numbers: Step['numbers'] = {}): Step => ({
  step_id: 'one',
  name: 'One',
  type,
  channel,
  next: [],
  nodes: null,
  numbers,
})
const status = (messages: number) => ({ events: messages, messages, users: messages })

describe('what a step shows', () => {
  it('follows its type and channel, with the rates of what it shows', () => {
    const shown = shownBy(KINDS, step('message', 'in_app', { sent: status(5) }))
    expect(shown).toContain('viewed.messages')
    expect(shown).toContain('click_rate')
    expect(shown).not.toContain('sent.messages')
    expect(shown).not.toContain('fail_rate')
  })

  it('follows its type alone for a channel that the catalogue does not know', () => {
    expect(shownBy(KINDS, step('message', 'fax'))).toContain('fail_rate')
  })

  it('is whatever it has when nobody defined it', () => {
    const shown = shownBy(KINDS, step(null, null, { sent: status(5), clicked: status(0) }))
    expect(shown).toContain('sent.messages')
    expect(shown).not.toContain('clicked.messages')
  })

  it('makes the columns of the table, in one order', () => {
    const columns = columnsOf(KINDS, [step('action', null), step('message', null)])
    expect(columns).toEqual([
      'sent.messages',
      'failed.messages',
      'fail_rate',
      'goals',
      'dwell.p50_ms',
      'dwell.p90_ms',
    ])
  })
})
