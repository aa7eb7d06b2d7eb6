import { describe, expect, it } from 'vitest'
import { added, addedByCurrency } from './amounts'

describe('sums of money', () => {
  it('are exact where floating point numbers are not', () => {
    expect(added(['0.1', '0.2'])).toBe('0.3')
    expect(added(['9007199254740993', '0.000000001'])).toBe('9007199254740993.000000001')
  })

  it('take sums below zero, and drop zeros that say nothing', () => {
    expect(added(['-0.75', '0.5'])).toBe('-0.25')
    expect(added(['1.25', '0.75'])).toBe('2')
    expect(added([])).toBe('0')
  })

  it('never mix currencies', () => {
    expect(addedByCurrency([{ EUR: '1.5' }, { USD: '2' }, { EUR: '0.25' }])).toEqual({
      EUR: '1.75',
      USD: '2',
    })
  })
})
