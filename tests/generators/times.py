"""Logs with late and future records: far behind their partition's newest, or ahead of the log's clock."""

import random

from tests.generators.logs import Logged, log_of
from tests.generators.world import HOUR_MS, Event
from wayfold.audit.oracle.times import instant_ms, instant_text
from wayfold.models.record import LogRecord

RETENTION_MS = 400 * 24 * HOUR_MS


def moved(event: Event, by_ms: int) -> Event:
    """The same event at another time; never before 1970."""
    at_ms = max(0, instant_ms(event["occurred_at"]) + by_ms)
    return {**event, "occurred_at": instant_text(at_ms)}


def log_over_years(
    events: list[tuple[str, Event]], generator: random.Random, partitions: int = 1
) -> list[list[Logged]]:
    """The events spread over three years at the retention's edges, some logged an hour too early."""
    spread = []
    for topic, event in events:
        years = generator.choice((0, 0, 0, -1, 1)) * RETENTION_MS
        around_ms = generator.choice((0, 0, 1, -1, HOUR_MS, -HOUR_MS))
        spread.append((topic, event if topic == "definitions" else moved(event, years + around_ms)))
    logs = log_of(spread, partitions)
    return [[_clocked(logged, generator) for logged in log] for log in logs]


def _clocked(logged: Logged, generator: random.Random) -> Logged:
    """The log's own time of the record: a little after the event, or an hour before it to the millisecond."""
    record = logged.record
    if logged.topic == "definitions":
        generator = random.Random(record.offset)  # alike in every partition, which all have the same
    away_ms = generator.choice((0, 0, 0, 5, HOUR_MS, -HOUR_MS, -HOUR_MS, -HOUR_MS - 1, -HOUR_MS + 1))
    return Logged(
        logged.topic, LogRecord(record.offset, record.timestamp + away_ms, record.key, record.value)
    )
