/** Numbers of an answer by the names that the catalogue gives them. */

/** The value of a name such as `sent.messages`; undefined when it was left out, null over nothing. */
export function numberIn(numbers: object | undefined, name: string): number | null | undefined {
  let found: unknown = numbers
  for (const part of name.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Record<string, unknown>)[part]
  }
  return typeof found === 'number' || found === null ? found : undefined
}
