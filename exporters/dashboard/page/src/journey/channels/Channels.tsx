/** What became of the messages of each channel, on each platform. */

import { useCatalogue } from '@/number/catalogue'
import { Figure } from '@/number/Figure'
import type { Scope } from '@/number/scope'
import { Panel } from '@/parts/Panel'
import { Message } from '@/parts/States'
import { PLATFORMS } from '@/url/search'
import { addedByCurrency } from '../amounts'
import { Money } from '../Money'
import type { JourneyAnswer } from '../question'
import table from '../Table.module.css'
import { WaitingRows } from '../WaitingRows'
import { ChannelDot } from './ChannelDot'
import { groupedByChannel, type Messages, STATUSES } from './grouping'
import { channelTitle, platformTitle } from './names'

export function Channels({
  scope,
  numbers,
}: {
  scope: Scope
  numbers: JourneyAnswer['numbers'] | undefined
}) {
  const catalogue = useCatalogue()
  const kinds = catalogue.steps
  const groups = groupedByChannel(numbers?.channels ?? [])
  if (numbers !== undefined && groups.length === 0) {
    return (
      <Panel title="Channels">
        <Message title="No messages">
          <p>No message event is counted in this range with these filters.</p>
        </Message>
      </Panel>
    )
  }
  const of = (channel: string, platform?: string): Scope => ({
    ...scope,
    channel,
    platform: PLATFORMS.find((known) => known === platform),
  })
  return (
    <Panel title="Channels" note="Messages, each once, by channel and platform" isFlush>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled table is reached by keyboard */}
      <div className={table.scroll} tabIndex={0} role="region" aria-label="Messages by channel">
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Channel</th>
              {STATUSES.map((status) => (
                <th scope="col" key={status}>
                  {catalogue.shortTitle(`${status}.messages`)}
                </th>
              ))}
              <th scope="col">{catalogue.title('cost')}</th>
            </tr>
          </thead>
          {numbers === undefined ? (
            <tbody>
              <WaitingRows rows={3} columns={STATUSES.length + 1} />
            </tbody>
          ) : (
            <>
              {groups.map(({ channel, messages, platforms }) => (
                <tbody key={channel} data-channel-group={channel}>
                  <tr>
                    <th scope="rowgroup">
                      <span className={table.named}>
                        <ChannelDot channel={channel} />
                        {channelTitle(kinds, channel)}
                      </span>
                    </th>
                    <Cells scope={of(channel)} messages={messages} />
                    <td>
                      <Money
                        number="cost"
                        scope={of(channel)}
                        amounts={numbers.cost === undefined ? undefined : (numbers.cost[channel] ?? {})}
                      />
                    </td>
                  </tr>
                  {platforms.map((row) => (
                    <tr key={row.platform} className={table.part}>
                      <th scope="row">{platformTitle(row.platform)}</th>
                      <Cells scope={of(channel, row.platform)} messages={row.messages} />
                      <td />
                    </tr>
                  ))}
                </tbody>
              ))}
              <tfoot>
                <tr>
                  <th scope="row">All channels</th>
                  {STATUSES.map((status) => (
                    <td key={status}>
                      <Figure number={`${status}.messages`} scope={scope} value={numbers[status]?.messages} />
                    </td>
                  ))}
                  <td>
                    <Money
                      number="cost"
                      scope={scope}
                      amounts={
                        numbers.cost === undefined ? undefined : addedByCurrency(Object.values(numbers.cost))
                      }
                    />
                  </td>
                </tr>
              </tfoot>
            </>
          )}
        </table>
      </div>
    </Panel>
  )
}

const Cells = ({ scope, messages }: { scope: Scope; messages: Messages }) =>
  STATUSES.map((status) => (
    <td key={status}>
      <Figure number={`${status}.messages`} scope={scope} value={messages[status]} />
    </td>
  ))
