"""Fills a worker's state directory with histories: `python -m benchmarks.prefill FOLDER COUNT NUMBER…`.

The histories of the partitions of these numbers are folded from events in memory, as the worker would fold
them, but far quicker than through Kafka. Then the partitions are told that nothing of the log is folded yet,
so that a worker reads it from its beginning, on top of these histories.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.context import PARTITIONS
from benchmarks.fold import batches_of, define, open_partitions
from benchmarks.traffic import JOURNEYS, START_MS, Clock, Event
from wayfold.agents.sink import partition_of

BATCH_USERS: Final = 8_000


def user_of(index: int) -> str:
    """Name a user; which journey and entry is hers follows from the index."""
    return f"user-{index:07d}"


def bound(index: int) -> str:
    """Write the fields that place an event in a user's only journey."""
    return (
        f'"user_id":"{user_of(index)}","journey_id":"journey-{index % JOURNEYS}","journey_version":1,'
        f'"entry_id":"e{index:08d}"'
    )


def message(index: int) -> str:
    """Write the fields of the message that a user was sent."""
    return f'{bound(index)},"step_id":"step-0","message_id":"m-{index}-0","channel":"email"'


def _events(count: int, numbers: set[int]) -> Iterator[list[Event]]:
    """Make every user's history, one user after the other."""
    clock = Clock()
    for index in range(count):
        key = user_of(index).encode()
        if partition_of(key, PARTITIONS) not in numbers:
            continue
        at_ms = START_MS - (count - index)
        at = f'"occurred_at":"{clock.text(at_ms)}Z"'

        def event(
            kind: str, name: str, more: str, key: bytes = key, at: str = at, at_ms: int = at_ms
        ) -> Event:
            value = f'{{"type":"{name}","event_id":"{name}-{key.decode()}",{at},{more}}}'
            return kind, key, value.encode(), at_ms

        history = [
            event("entries", "journey.entered", bound(index)),
            event("steps", "step.entered", f'{bound(index)},"step_id":"step-0"'),
            event("messages", "message.sent", f'{message(index)},"cost":"0.0012","currency":"EUR"'),
            event("messages", "message.delivered", message(index)),
        ]
        if index % 2:
            history.append(event("messages", "message.opened", message(index)))
        yield history


def fill(folder: Path, count: int, numbers: list[int]) -> None:
    """Fill the partitions of these numbers with their share of `count` histories."""
    partitions = open_partitions(folder, numbers)
    define(partitions)
    offsets: dict[tuple[str, int], int] = {}
    histories = _events(count, set(numbers))
    while part := list(islice(histories, BATCH_USERS)):
        events = [event for history in part for event in history]
        for partition, batch in batches_of(partitions, events, offsets):
            for kind, records in batch:
                partition.fold(kind, records)
            partition.commit()
            partition.changed_views()
    for partition in partitions:
        partition._pending_offsets.clear()
        partition.commit()
        partition.close()


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]), [int(number) for number in sys.argv[3:]])
