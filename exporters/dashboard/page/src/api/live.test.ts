import { renderHook } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { useLasting } from './live'

const failed = new Error('no')
const found = (part: Partial<Parameters<typeof useLasting>[1]>) => ({
  error: null,
  isFetching: false,
  isPlaceholderData: false,
  data: undefined,
  ...part,
})

describe('the error of a question', () => {
  it('stays while the question is asked again, and goes with its answer', () => {
    const { result, rerender } = renderHook(({ key, one }) => useLasting(key, one), {
      initialProps: { key: 'a', one: found({ error: failed }) },
    })
    expect(result.current).toBe(failed)
    rerender({ key: 'a', one: found({ isFetching: true }) })
    expect(result.current).toBe(failed)
    rerender({ key: 'a', one: found({ isFetching: true, isPlaceholderData: true, data: {} }) })
    expect(result.current).toBe(failed)
    rerender({ key: 'a', one: found({ data: {} }) })
    expect(result.current).toBeNull()
  })

  it('is not that of another question', () => {
    const { result, rerender } = renderHook(({ key, one }) => useLasting(key, one), {
      initialProps: { key: 'a', one: found({ error: failed }) },
    })
    rerender({ key: 'b', one: found({ isFetching: true }) })
    expect(result.current).toBeNull()
  })
})
