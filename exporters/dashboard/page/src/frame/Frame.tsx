/** What stands around every page: navigation, account, range, filters, how fresh it is, keys, theme. */

import { Link, Outlet } from '@tanstack/react-router'
import { Keyboard, Route } from 'lucide-react'
import { lazy, Suspense, useRef, useState } from 'react'
import { useView, ViewProvider } from '@/api/view'
import { IconButton } from '@/parts/Controls'
import { BASE, paths } from '@/url/paths'
import { AccountPicker } from './AccountPicker'
import { Filters } from './Filters'
import styles from './Frame.module.css'
import { Freshness } from './Freshness'
import { keptOf } from './kept'
import { useKeys } from './keys'
import { Notices } from './Notices'
import { RangePicker } from './RangePicker'
import { ThemeChoice } from './ThemeChoice'

const People = lazy(() => import('@/people/People'))
const KeysHelp = lazy(() => import('./KeysHelp'))

export function Frame() {
  return (
    <ViewProvider>
      <Framed />
    </ViewProvider>
  )
}

function Framed() {
  const { account, search, isReady, accountsError, heartbeatError } = useView()
  const isKnown = isReady || accountsError !== null || heartbeatError !== null
  const [isHelpOpen, setHelpOpen] = useState(false)
  const hadHelp = useOnce(isHelpOpen)
  const hadPeople = useOnce(search.people !== undefined)
  useKeys(() => setHelpOpen(true))
  return (
    <div className={styles.frame}>
      <button type="button" className={styles.skip} onClick={goToMain}>
        Skip to the numbers
      </button>
      <nav className={styles.rail} aria-label="Pages">
        <Link className={styles.brand} to={paths.journeys()} search={keptOf}>
          <img src={`${BASE}icon.svg`} alt="" width={24} height={24} />
          Wayfold
        </Link>
        <Link
          className={styles.link}
          to={paths.journeys()}
          search={keptOf}
          activeOptions={{ includeSearch: false }}
        >
          <Route aria-hidden />
          Journeys
        </Link>
        <div className={styles.foot}>
          <ThemeChoice />
          <IconButton label="Keys" onPress={() => setHelpOpen(true)}>
            <Keyboard aria-hidden />
          </IconButton>
        </div>
      </nav>
      <header className={styles.top}>
        <div className={styles.bar}>
          {/* Which accounts there are decides how wide this is: until then its place is kept, not shown. */}
          <div className={isKnown ? styles.tools : styles.waiting}>
            <AccountPicker />
            <div className={styles.range}>
              <RangePicker />
            </div>
            <Filters />
          </div>
          <div className={styles.fresh}>
            <Freshness />
          </div>
        </div>
        <Notices />
      </header>
      <main id="main" className={styles.main} tabIndex={-1} key={account}>
        <Outlet />
      </main>
      <Suspense fallback={null}>
        {hadPeople && <People />}
        {hadHelp && <KeysHelp isOpen={isHelpOpen} onOpenChange={setHelpOpen} />}
      </Suspense>
    </div>
  )
}

/** The document's base makes `#main` an address of another page, so the way there is gone by hand. */
function goToMain() {
  document.getElementById('main')?.focus()
}

/** Whether something was ever so: what was opened once stays, to close in its own time. */
function useOnce(isSo: boolean): boolean {
  const was = useRef(false)
  was.current ||= isSo
  return was.current
}
