/** What to do where nothing was counted yet, and a line that turns green with the first event. */

import { CircleCheck, Copy, LoaderCircle } from 'lucide-react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { address } from '@/api/client'
import { useView } from '@/api/view'
import { CopyButton } from '@/parts/CopyButton'
import styles from './NoEvents.module.css'

const EVENT = (occurredAt: string) =>
  JSON.stringify({
    type: 'journey.entered',
    event_id: 'first-1',
    occurred_at: occurredAt,
    user_id: 'ada',
    journey_id: 'welcome',
    journey_version: 1,
    entry_id: 'ada-1',
  })

export default function NoEvents() {
  const { heartbeat, account, accounts } = useView()
  const own = accounts.find((one) => one.account_id === account)
  const isAlone = accounts.every((one) => one.account_id === account)
  const hasCounted = isAlone ? (heartbeat?.watermark ?? null) !== null : (own?.watermark ?? null) !== null
  const now = heartbeat?.as_of ?? new Date().toISOString()
  const event = EVENT(now)
  const ways = [
    {
      id: 'curl',
      title: 'curl',
      text: `curl '${address('/v1/events')}' -H 'Content-Type: application/json' -d '${event}'`,
      note: 'To wayfold run, or wayfold serve --ingest.',
    },
    {
      id: 'kafka',
      title: 'Kafka',
      text: `echo 'ada|${event}' |\n  kafka-console-producer.sh --bootstrap-server localhost:9092 --topic wayfold.entries \\\n    --property parse.key=true --property key.separator='|'`,
      note: 'The user is the key. The prefix of the topics is the setting kafka.topic_prefix.',
    },
    {
      id: 'sample',
      title: 'Sample data',
      text: `wayfold simulate --to ${new URL(document.baseURI).origin}`,
      note: 'Believable traffic of several journeys, until Ctrl-C. wayfold run --demo does the same at once.',
    },
  ]
  return (
    <section className={styles.empty} aria-label="No events yet">
      <h2>{isAlone ? 'No events yet' : `No journeys of account “${account}” yet`}</h2>
      <p className={styles.lead}>
        Send the first event in one of these ways. Its journey stands here a second later.
      </p>
      <Tabs>
        <TabList aria-label="Ways to send events" className={styles.tabs ?? ''}>
          {ways.map(({ id, title }) => (
            <Tab key={id} id={id} className={styles.tab ?? ''}>
              {title}
            </Tab>
          ))}
        </TabList>
        {ways.map(({ id, text, note }) => (
          <TabPanel key={id} id={id} className={styles.panel ?? ''}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled by keyboard */}
            <pre tabIndex={0}>{text}</pre>
            <div className={styles.foot}>
              <span>{note}</span>
              <CopyButton text={() => text} icon={<Copy aria-hidden />} label="Copy" />
            </div>
          </TabPanel>
        ))}
      </Tabs>
      <p
        className={`${styles.line} ${hasCounted ? styles.there : ''}`}
        role="status"
        data-first-event={hasCounted}
      >
        {hasCounted ? <CircleCheck aria-hidden /> : <LoaderCircle aria-hidden />}
        {hasCounted ? 'The first event is counted.' : 'Waiting for the first event…'}
      </p>
    </section>
  )
}
