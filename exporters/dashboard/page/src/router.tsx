/** The site map. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { Frame } from './frame/Frame'
import { NotThere } from './frame/NotThere'
import { JourneysPage } from './journeys/JourneysPage'
import { BASE } from './url/paths'
import { parsed, type Search, stringified, validated } from './url/search'

const root = createRootRoute({
  component: Frame,
  notFoundComponent: NotThere,
  validateSearch: (given: Record<string, unknown>): Search => validated(given),
})

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: ({ search }) => {
    throw redirect({ to: '/journeys', search, replace: true })
  },
})

const journeys = createRoute({ getParentRoute: () => root, path: '/journeys', component: JourneysPage })

const journey = createRoute({
  getParentRoute: () => root,
  path: '/journeys/$journeyId',
  component: lazyRouteComponent(() => import('./journey/JourneyPage'), 'JourneyPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([home, journeys, journey]),
  basepath: BASE,
  parseSearch: (text) => validated(parsed(text)),
  stringifySearch: (search) => stringified(search as Search),
  defaultPreload: 'intent',
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
