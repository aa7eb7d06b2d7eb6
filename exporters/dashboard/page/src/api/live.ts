/**
 * Keeps what is shown fresh.
 *
 * Once a second the page asks how far the server has counted. What is on screen is asked for again when that
 * changed, so that a page on which nothing happens costs next to nothing. An answer that takes long is asked
 * for less often: reading never takes more than a fifth of the time.
 */

import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { ask, type Parameters, ProblemError } from './client'

const HEARTBEAT_MS = 1_000
const HEARTBEAT_TIMEOUT_MS = 1_500
const SHARE_OF_TIME = 5
const LONGEST_PAUSE_MS = 10_000

/** How fresh the server's numbers are. */
export interface Heartbeat {
  as_of: string
  watermark: string | null
  lag_ms: number | null
  state: string
}

/** The heartbeat, and what is wrong with it: null while the server answers. */
export function useHeartbeat() {
  const found = useQuery<Heartbeat, Error>({
    queryKey: ['freshness'],
    queryFn: ({ signal }) => ask<Heartbeat>('/v1/freshness', {}, signal, HEARTBEAT_TIMEOUT_MS),
    refetchInterval: HEARTBEAT_MS,
    refetchOnWindowFocus: true,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
    staleTime: 0,
  })
  return { heartbeat: found.data, error: useLasting('freshness', found) }
}

/**
 * The error of a question until it is answered.
 *
 * A question that was never answered forgets its error while it is asked again, and what is shown of it would
 * come and go with each try.
 */
export function useLasting(
  key: string,
  found: { error: Error | null; isFetching: boolean; isPlaceholderData: boolean; data: unknown },
): Error | null {
  const last = useRef<{ key: string; error: Error }>(undefined)
  const isAnswered = found.data !== undefined && !found.isPlaceholderData
  if (found.error !== null) last.current = { key, error: found.error }
  else if (isAnswered || last.current?.key !== key) last.current = undefined
  return found.error ?? last.current?.error ?? null
}

/** A question: where it is asked, and with what. */
export interface Question {
  path: string
  parameters?: Parameters
}

/** What a question came to. While a newer answer is on its way, `answer` is the one before. */
export interface Live<Answer> {
  answer: Answer | undefined
  error: Error | null
  /** The answer belongs to the question before, until that of this one is there. */
  isPrevious: boolean
  askAgain: () => void
}

/** Ask a question, and again whenever the numbers changed; undefined asks nothing. */
export function useLive<Answer>(question: Question | undefined): Live<Answer> {
  const client = useQueryClient()
  const key = ['live', question?.path ?? '', question?.parameters ?? {}]
  const timing = useRef({ startedAt: 0, tookMs: 0, state: '' })
  const { heartbeat, error: heartbeatError } = useHeartbeat()
  const state = heartbeat?.state ?? ''
  const latest = useRef(state)
  latest.current = state
  const found = useQuery<Answer, Error>({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const startedAt = performance.now()
      const asked = latest.current
      try {
        return await ask<Answer>(question?.path ?? '', question?.parameters, signal)
      } finally {
        timing.current = { startedAt, tookMs: performance.now() - startedAt, state: asked }
      }
    },
    enabled: question !== undefined,
    placeholderData: keepPreviousData,
  })
  const isStale = state !== '' && timing.current.state !== state
  const error = useLasting(JSON.stringify(key), found)
  const isFailing = error !== null && !(error instanceof ProblemError && isFinal(error))
  const { refetch, isFetching } = found
  const [, wake] = useState(0)
  useEffect(() => {
    if (question === undefined || isFetching || heartbeatError !== null) return
    if (!isStale && !isFailing) return
    const { startedAt, tookMs } = timing.current
    const pause = Math.min(Math.max(tookMs * SHARE_OF_TIME, HEARTBEAT_MS), LONGEST_PAUSE_MS)
    const timer = setTimeout(
      () => {
        void refetch({ cancelRefetch: false }).then(() => wake((count) => count + 1))
      },
      Math.max(0, startedAt + pause - performance.now()),
    )
    return () => clearTimeout(timer)
  }, [question, isFetching, heartbeatError, isStale, isFailing, refetch])
  return {
    answer: found.data,
    error,
    isPrevious: found.isPlaceholderData,
    askAgain: () => void client.invalidateQueries({ queryKey: key }),
  }
}

/** Whether asking the same again cannot come to anything else: the question is wrong, not the moment. */
const isFinal = (error: ProblemError): boolean =>
  error.problem.status >= 400 && error.problem.status < 500 && error.problem.status !== 404
