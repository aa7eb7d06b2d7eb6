import { describe, expect, it } from 'vitest'
import { compact, duration, exact, MISSING, money, share } from './figures'

describe('figures', () => {
  it.each([
    [null, MISSING],
    [undefined, MISSING],
    [0, '0'],
    [999, '999'],
    [1_204, '1,204'],
    [9_999, '9,999'],
    [10_000, '10k'],
    [12_449, '12.4k'],
    [999_949, '999.9k'],
    [999_950, '1M'],
    [12_500_000, '12.5M'],
    [1_250_000_000, '1.3B'],
    [2_500_000_000_000, '2.5T'],
  ])('%s is %s as a headline', (value, text) => {
    expect(compact(value)).toBe(text)
  })

  it.each([
    [0, '0'],
    [9_007_199_254_740_991, '9,007,199,254,740,991'],
    [null, MISSING],
  ])('%s is exact in a table', (value, text) => {
    expect(exact(value)).toBe(text)
  })

  it.each([
    [null, MISSING],
    [0, '0.0 %'],
    [1, '100.0 %'],
    [0.1234, '12.3 %'],
    [0.00049, '< 0.1 %'],
    [0.0005, '0.1 %'],
    [0.99951, '> 99.9 %'],
    [1.25, '125.0 %'],
  ])('the share %s is %s, and never looks like nothing or all when it is not', (value, text) => {
    expect(share(value)).toBe(text)
  })

  it.each([
    ['0', '0 EUR'],
    ['12.5', '12.50 EUR'],
    ['1234567.125', '1,234,567.125 EUR'],
    ['-1', '-1 EUR'],
    ['12345678901234567890.000000001', '12,345,678,901,234,567,890.000000001 EUR'],
  ])('money keeps every digit: %s', (decimal, text) => {
    expect(money(decimal, 'EUR')).toBe(text)
  })

  it.each([
    [null, MISSING],
    [0, '0 ms'],
    [999, '999 ms'],
    [9_949, '9.9 s'],
    [59_499, '59 s'],
    [60_000, '1 min'],
    [3_660_000, '1 h 1 min'],
    [3_605_000, '1 h'],
    [90_000_000, '1 d 1 h'],
  ])('%s ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})
