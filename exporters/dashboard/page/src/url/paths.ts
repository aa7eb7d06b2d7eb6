/** Every path of the page, written in one place. */

const id = encodeURIComponent

/** Where the page lives, always ending with a slash: a proxy may serve it below a prefix. */
export const BASE = new URL('./', document.baseURI).pathname

export const paths = {
  journeys: () => '/journeys',
  journey: (journeyId: string) => `/journeys/${id(journeyId)}`,
} as const
