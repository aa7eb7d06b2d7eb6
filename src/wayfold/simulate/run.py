"""Simulated traffic on its way to a destination: a history as fast as it goes, or live at a rate."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from wayfold.agents.destinations.destination import Destination
from wayfold.agents.destinations.pipeline import Pipeline
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing
from wayfold.models.definition import JourneyDefinition, read_definition
from wayfold.models.encode import encode_event
from wayfold.models.events import JourneyStatus
from wayfold.simulate.plans import DAY, PLANS
from wayfold.simulate.traffic import Arrival, Traffic, outgoing

BATCH_EVENTS: Final = 1_000
HISTORY_END_MS: Final = 1_790_812_800_000
"""2026-10-01: a fixed end, so that a seed always gives the same history, and none of it in the future."""
HISTORY_DAYS: Final = 30
HISTORY_EVENTS: Final = 100_000
HISTORY_EVENTS_A_DAY: Final = 50_000
LONGEST_WAY_S: Final = 5 * DAY
LIVE_SCALE: Final = 1 / 720
"""A day of a journey takes two minutes."""
LIVE_BACKLOG_EVENTS: Final = 100_000
LIVE_BUCKET_MS: Final = 100
EVENTS_PER_USER: Final = 20
PAST_EVENTS_A_DAY: Final = 4_000


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    With `rate`, events a second, traffic is live: it happens now, at that rate, in journeys whose days
    take minutes. It goes on for `count` events, or without end, and then begins with what would have
    happened before. `past_days` days at their natural pace come before that, for who wants to look back.
    Without `rate`, `count` events of history (100,000 by default) are made as fast as the
    destination takes them, and the same seed gives the same bytes.
    """

    seed: int = 1
    count: int | None = None
    rate: float | None = None
    past_days: int = 0


class Summary(msgspec.Struct):
    """What was sent: `events`, the `rejected` among them, and the `first_rejections`."""

    events: int = 0
    rejected: int = 0
    first_rejections: list[Rejected] = []


def definitions() -> list[JourneyDefinition]:
    """Give the definitions of the journeys that are simulated."""
    return [read_definition(plan.definition()) for plan in PLANS]


def history(seed: int, count: int) -> Iterator[list[Arrival]]:
    """Make `count` events of the past, in the order of their arrival; the last list may hold more."""
    per_entry = Traffic.events_per_entry(seed)
    days = max(HISTORY_DAYS, count / HISTORY_EVENTS_A_DAY)
    span_ms = int(days * DAY * 1000)
    traffic = Traffic(
        seed,
        start_ms=HISTORY_END_MS - span_ms,
        entry_gap_ms=span_ms * per_entry / count,
        users=max(100, count // EVENTS_PER_USER),
    )
    made = 0
    for arrivals in traffic:
        yield arrivals
        made += len(arrivals)
        if made >= count:
            return


def past(seed: int, days: int, end_ms: int) -> Iterator[list[Arrival]]:
    """Make what happened in the days before `end_ms`, in the order of its arrival.

    What had begun by then goes on later, and is not told.
    """
    span_ms = int(days * DAY * 1000)
    count = days * PAST_EVENTS_A_DAY
    traffic = Traffic(
        seed,
        start_ms=end_ms - span_ms,
        entry_gap_ms=span_ms * Traffic.events_per_entry(seed) / count,
        users=max(100, count // EVENTS_PER_USER),
        run=f"{end_ms - span_ms:x}",
    )
    for arrivals in traffic:
        yield [arrival for arrival in arrivals if arrival[0] < end_ms]
        if traffic.until_ms >= end_ms:
            return


def live(seed: int, rate: float, start_ms: int) -> Traffic:
    """Make traffic that has been going on for a while at `start_ms`, what happened before included."""
    scale = min(LIVE_SCALE, LIVE_BACKLOG_EVENTS / rate / LONGEST_WAY_S)
    before_ms = int(LONGEST_WAY_S * scale * 1000)
    return Traffic(
        seed,
        start_ms=start_ms - before_ms,
        entry_gap_ms=Traffic.events_per_entry(seed) * 1000 / rate,
        users=max(1_000, int(rate * before_ms / 1000) // EVENTS_PER_USER),
        scale=scale,
        run=f"{start_ms:x}",
        bucket_ms=LIVE_BUCKET_MS,
    )


async def simulate(
    destination: Destination, simulation: Simulation, progress: Callable[[int], None] = lambda _: None
) -> Summary:
    """Send the journeys' definitions and statuses, then the traffic.

    That goes on until `count` is reached or the task is cancelled.

    `progress` hears how many more events are durable. Raises `DestinationError`.
    """
    summary = Summary()

    def done(events: int, rejected: Sequence[Rejected]) -> None:
        summary.events += events
        summary.rejected += len(rejected)
        summary.first_rejections += rejected[: 10 - len(summary.first_rejections)]
        progress(events)

    pipeline: Pipeline[int] = Pipeline(destination, done)
    try:
        await destination.send(_control_records(simulation))
        started_ms = _now_ms()
        if simulation.past_days:
            for batch in _batches(past(simulation.seed, simulation.past_days, started_ms)):
                await pipeline.send(outgoing(batch), len(batch))
        if simulation.rate is None:
            await _send_history(pipeline, simulation.seed, simulation.count or HISTORY_EVENTS)
        else:
            await _send_live(pipeline, simulation.seed, simulation.rate, simulation.count, started_ms)
        await pipeline.finish()
    finally:
        await pipeline.cancel()
    return summary


def _control_records(simulation: Simulation) -> list[Outgoing]:
    """The definitions, and of every journey that it runs."""
    at_ms = HISTORY_END_MS if simulation.rate is None else _now_ms() - simulation.past_days * DAY * 1000
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    defined = definitions()
    records = [Outgoing("definitions", None, definition.to_event(at)) for definition in defined]
    for account_id, journey_id in sorted({(each.account_id, each.journey_id) for each in defined}):
        runs = JourneyStatus(
            event_id=f"{journey_id}-runs-{at_ms:x}",
            occurred_at=at,
            account_id=account_id,
            journey_id=journey_id,
            status="running",
        )
        records.append(Outgoing(runs.TOPIC, None, encode_event(runs)))
    return records


async def _send_history(pipeline: Pipeline[int], seed: int, count: int) -> None:
    left = count
    for batch in _batches(history(seed, count)):
        events = batch[:left]
        left -= len(events)
        await pipeline.send(outgoing(events), len(events))


async def _send_live(
    pipeline: Pipeline[int], seed: int, rate: float, count: int | None, start_ms: int
) -> None:
    traffic = live(seed, rate, start_ms)
    left = count
    waiting: list[Arrival] = []
    for arrivals in traffic:
        if count is None or traffic.until_ms > start_ms:
            waiting += arrivals
        wait_ms = traffic.until_ms - _now_ms()
        if wait_ms <= 0 and len(waiting) < BATCH_EVENTS:
            continue
        events, waiting = waiting[:left], []
        for batch in _batches([events]):
            await pipeline.send(outgoing(batch), len(batch))
        if left is not None:
            left -= len(events)
            if left <= 0:
                return
        await asyncio.sleep(max(0, wait_ms / 1000))


def _batches(lists: Iterable[list[Arrival]]) -> Iterator[list[Arrival]]:
    waiting: list[Arrival] = []
    for arrivals in lists:
        waiting += arrivals
        while len(waiting) >= BATCH_EVENTS:
            yield waiting[:BATCH_EVENTS]
            waiting = waiting[BATCH_EVENTS:]
    if waiting:
        yield waiting


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
