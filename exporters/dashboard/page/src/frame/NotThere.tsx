import { Link } from '@tanstack/react-router'
import { Message } from '@/parts/States'
import { paths } from '@/url/paths'
import { keptOf } from './kept'

/** There is no such page. */
export function NotThere() {
  return (
    <Message isWhole title="There is no such page">
      <p>The link may have been cut, or belongs to a newer version.</p>
      <Link to={paths.journeys()} search={keptOf}>
        All journeys
      </Link>
    </Message>
  )
}
