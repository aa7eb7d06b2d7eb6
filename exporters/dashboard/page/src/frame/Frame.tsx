/** What stands around every page: navigation, account, range, filters, how fresh it is, keys, theme. */

import { Link, Outlet } from '@tanstack/react-router'
import { Keyboard, Route } from 'lucide-react'
import { useState } from 'react'
import { useView, ViewProvider } from '@/api/view'
import { IconButton } from '@/parts/Controls'
import { People } from '@/people/People'
import { BASE, paths } from '@/url/paths'
import { AccountPicker } from './AccountPicker'
import { Filters } from './Filters'
import styles from './Frame.module.css'
import { Freshness } from './Freshness'
import { KeysHelp, useKeys } from './Keys'
import { keptOf } from './kept'
import { Notices } from './Notices'
import { RangePicker } from './RangePicker'
import { ThemeChoice } from './ThemeChoice'

export function Frame() {
  return (
    <ViewProvider>
      <Framed />
    </ViewProvider>
  )
}

function Framed() {
  const { account } = useView()
  const [isHelpOpen, setHelpOpen] = useState(false)
  useKeys(() => setHelpOpen(true))
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#main">
        Skip to the numbers
      </a>
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
          <AccountPicker />
          <RangePicker />
          <Filters />
          <Freshness />
        </div>
        <Notices />
      </header>
      <main id="main" className={styles.main} tabIndex={-1} key={account}>
        <Outlet />
      </main>
      <People />
      <KeysHelp isOpen={isHelpOpen} onOpenChange={setHelpOpen} />
    </div>
  )
}
