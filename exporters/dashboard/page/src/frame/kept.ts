/** What of the search stays when one goes to another page. */
export const keptOf = (search: Record<string, unknown>) => {
  const { account, range, from, to, channel, platform, clock } = search
  return { account, range, from, to, channel, platform, clock } as never
}
