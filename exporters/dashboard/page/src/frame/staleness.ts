/** When figures are no longer shown as fresh. */

import type { Heartbeat } from '@/api/live'

export const STALE_MS = 60_000

/** Whether the oldest event that is not counted waits for more than a minute. */
export const isStale = (heartbeat: Heartbeat | undefined): boolean =>
  heartbeat !== undefined && heartbeat.lag_ms !== null && heartbeat.lag_ms > STALE_MS
