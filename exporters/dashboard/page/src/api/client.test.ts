import { afterEach, describe, expect, it, vi } from 'vitest'
import { ask, ProblemError, UnreachableError } from './client'

const answers = (...responses: (Response | Error)[]) => {
  const fetched = vi.fn(async (_url: string, _options: RequestInit) => {
    const next = responses.shift()
    if (next === undefined) throw new Error('asked too often')
    if (next instanceof Error) throw next
    return next
  })
  vi.stubGlobal('fetch', fetched)
  return fetched
}

const json = (content: unknown, tag?: string) =>
  new Response(JSON.stringify(content), { headers: tag === undefined ? {} : { etag: tag } })

describe('a question to the API', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('gives the very same answer again while the server says that nothing changed', async () => {
    const fetched = answers(
      json({ total: 1 }, 'W/"1"'),
      new Response(null, { status: 304 }),
      json({ total: 2 }, 'W/"2"'),
    )
    const first = await ask('/v1/same', { account: 'a' })
    expect(await ask('/v1/same', { account: 'a' })).toBe(first)
    expect(await ask('/v1/same', { account: 'a' })).toEqual({ total: 2 })
    const sent = fetched.mock.calls.map(
      ([, options]) => (options.headers as Record<string, string>)['if-none-match'],
    )
    expect(sent).toEqual([undefined, 'W/"1"', 'W/"1"'])
  })

  it('keeps the tags of different questions apart', async () => {
    const fetched = answers(json({}, 'W/"a"'), json({}, 'W/"b"'))
    await ask('/v1/apart', { account: 'a' })
    await ask('/v1/apart', { account: 'b' })
    expect(fetched.mock.calls[1]?.[1].headers).not.toHaveProperty('if-none-match')
  })

  it('leaves out what is not given, and writes ids so that they stay what they are', async () => {
    const fetched = answers(json({}))
    await ask('/v1/written', { account: 'a&b', version: undefined, from: '2026-11-01' })
    expect(fetched.mock.calls[0]?.[0]).toContain('/v1/written?account=a%26b&from=2026-11-01')
  })

  it("fails with the API's own words", async () => {
    const problem = {
      type: 'urn:wayfold:problem:numbers-unavailable',
      title: 'Unavailable',
      status: 503,
      detail: 'partition 2 …',
    }
    answers(new Response(JSON.stringify(problem), { status: 503 }))
    await expect(ask('/v1/problem')).rejects.toMatchObject(new ProblemError(problem))
  })

  it("fails with the status where a proxy's page comes instead", async () => {
    answers(new Response('<h1>Bad gateway</h1>', { status: 502 }))
    await expect(ask('/v1/proxy')).rejects.toMatchObject({ problem: { status: 502 } })
  })

  it('tells a server that does not answer from one that says no', async () => {
    answers(new TypeError('failed to fetch'))
    await expect(ask('/v1/gone')).rejects.toBeInstanceOf(UnreachableError)
  })
})
