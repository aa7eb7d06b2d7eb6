/** Asks the public API; remembers tags, so that what did not change is neither sent nor read again. */

import type { Problem } from './generated'

export type Parameters = Record<string, string | number | undefined>

/** The API said no, and why. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.name = 'ProblemError'
    this.problem = problem
  }
}

/** Nobody answered: the server is gone, or the way to it. */
export class UnreachableError extends Error {
  constructor() {
    super('The server does not answer.')
    this.name = 'UnreachableError'
  }
}

const KEPT = 64
const ANSWER_TIMEOUT_MS = 30_000

/** Answers by address, the latest used last. */
const kept = new Map<string, { tag: string; content: unknown }>()

/** The address of a question, relative to where the page lives. */
export function address(path: string, parameters: Parameters = {}): string {
  const written = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) written.set(name, String(value))
  }
  const text = written.toString()
  return new URL(`.${path}${text ? `?${text}` : ''}`, document.baseURI).href
}

/**
 * Ask a question.
 *
 * An answer that is still right is the same object as before. Throws `ProblemError` and `UnreachableError`.
 */
export async function ask<Answer>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Answer> {
  const url = address(path, parameters)
  const before = kept.get(url)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (before) headers['if-none-match'] = before.tag
  const timeout = AbortSignal.timeout(timeoutMs)
  let response: Response
  try {
    response = await fetch(url, {
      headers,
      // Tags are ours to compare; the browser's cache would hide a 304 from us.
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    if (response.status === 304 && before) return before.content as Answer
    if (response.ok) return remembered(url, response, await response.json()) as Answer
  } catch (error) {
    if (signal?.aborted) throw error
    throw new UnreachableError()
  }
  throw new ProblemError(await problemOf(response))
}

function remembered(url: string, response: Response, content: unknown): unknown {
  const tag = response.headers.get('etag')
  kept.delete(url)
  if (tag !== null) {
    kept.set(url, { tag, content })
    const oldest = kept.keys().next()
    if (kept.size > KEPT && !oldest.done) kept.delete(oldest.value)
  }
  return content
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const problem = (await response.json()) as Partial<Problem>
    if (typeof problem.detail === 'string') {
      return { type: 'about:blank', title: 'Error', status: response.status, ...problem } as Problem
    }
  } catch {
    // A proxy's page; its status is all that can be said.
  }
  return {
    type: 'about:blank',
    title: response.statusText || 'Error',
    status: response.status,
    detail: `The server answered ${response.status}.`,
  }
}
