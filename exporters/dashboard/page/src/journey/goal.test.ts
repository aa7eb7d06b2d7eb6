import { describe, expect, it } from 'vitest'
import { type Defined, goalGroups, goalInWords, versionsInWords, windowInWords } from './goal'

const version = (journey_version: number, part: Partial<Defined> = {}): Defined => ({
  journey_version,
  defined: true,
  goal: { name: 'purchase_completed', properties: { plan: 'pro' } },
  conversion_window_ms: 3 * 86_400_000,
  ...part,
})

describe('a goal in words', () => {
  it('says name, property filter and window', () => {
    expect(goalInWords(version(1))).toBe('purchase_completed · plan = pro · until 3 days after exit')
  })

  it('writes null and truth as they were published', () => {
    const goal = { name: 'signed', properties: { coupon: null, first: true, seats: 5 } }
    expect(goalInWords(version(1, { goal }))).toContain('coupon = null · first = true · seats = 5')
  })

  it('tells a version without a goal from one that nobody defined', () => {
    expect(goalInWords(version(1, { goal: null }))).toBe('no goal')
    expect(goalInWords(version(1, { defined: false, goal: null, conversion_window_ms: null }))).toBe(
      'not defined yet',
    )
  })

  it('says windows in whole days or hours where they are whole', () => {
    expect(windowInWords(0)).toBe('until the exit')
    expect(windowInWords(86_400_000)).toBe('until 1 day after exit')
    expect(windowInWords(36 * 3_600_000)).toBe('until 36 hours after exit')
    expect(windowInWords(90 * 60_000)).toBe('until 1 h 30 min after exit')
  })
})

describe('versions in words', () => {
  it('draws neighbours together, in whichever order they come', () => {
    expect(versionsInWords([3, 1, 2])).toBe('v1–3')
    expect(versionsInWords([5, 1, 2])).toBe('v1–2, 5')
    expect(versionsInWords([4])).toBe('v4')
  })
})

describe('goals of several versions', () => {
  it('stand together where goal and window are equal, the newest first', () => {
    const groups = goalGroups([
      version(1),
      version(2),
      version(3, { conversion_window_ms: 86_400_000 }),
      version(4),
    ])
    expect(groups).toEqual([
      { versions: 'v1–2, 4', words: 'purchase_completed · plan = pro · until 3 days after exit' },
      { versions: 'v3', words: 'purchase_completed · plan = pro · until 1 day after exit' },
    ])
  })

  it('do not name the version where there is only one', () => {
    expect(goalGroups([version(7)])[0]?.versions).toBeUndefined()
  })
})
