"""Logs that snapshots and states are of."""

from typing import Any

import msgspec

from wayfold.state.snapshots.log_identity import Calendar, LogIdentity

UNTIL_S = 1_900_000_000
LOG = LogIdentity(
    log_id="one",
    partitions=4,
    partitioner="murmur2",
    topic_ids={"t.entries": "a", "t.steps": "b"},
    calendar=Calendar(database="2026a", until_s=UNTIL_S, clock_changes={"UTC": ((0, 0),)}),
)


def log_like(**changes: Any) -> LogIdentity:
    """Give the log with other fields than it has."""
    return msgspec.structs.replace(LOG, **changes)


def calendar(database: str, *berlin: tuple[int, int]) -> Calendar:
    """Give a calendar with these clock changes of one zone."""
    return Calendar(database=database, until_s=UNTIL_S, clock_changes={"Europe/Berlin": berlin})
