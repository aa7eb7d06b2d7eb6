import { describe, expect, it } from 'vitest'
import { parsed, type Search, stringified, validated } from './search'

const read = (text: string): Search => validated(parsed(text))

describe('the search in the URL', () => {
  it('comes back as it was written, whatever its texts hold', () => {
    const search: Search = {
      account: 'a/b & c=d?',
      from: '2026-11-01',
      to: '2026-11-08',
      version: 2,
      step: '歩 + 100%',
      channel: 'in_app',
      platform: 'ios',
      variant: '',
      clock: 'entry',
      find: '"welcome" <b>',
      sort: '-sent.messages',
      people: 'goals:purchase_completed',
    }
    expect(read(stringified(search))).toEqual(search)
  })

  it('keeps a number that looks like a text and a text that looks like a number apart', () => {
    expect(read('?account=123&version=123')).toEqual({ account: '123', version: 123 })
  })

  it.each([
    ['?version=0', {}],
    ['?version=1.5', {}],
    ['?platform=amiga', {}],
    ['?channel=Not%20A%20Word', {}],
    ['?clock=both', {}],
    ['?range=fortnight', {}],
    ['?from=2026-02-30&to=2026-03-01', {}],
    ['?from=2026-11-08&to=2026-11-01', {}],
    ['?from=2026-11-01', {}],
    ['?unknown=1&find=x', { find: 'x' }],
  ])('leaves out what it does not understand: %s', (text, search) => {
    expect(read(text)).toEqual(search)
  })

  it('lets days win over a named range, since they say more', () => {
    expect(read('?range=today&from=2026-11-01&to=2026-11-02')).toEqual({
      from: '2026-11-01',
      to: '2026-11-02',
    })
  })
})
