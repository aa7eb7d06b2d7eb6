"""Real partitions with the small event set folded in."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.exporters.traffic import ZONES
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.store import Store, StoreMemory

KINDS = {"journey.entered": "entries", "journey.exited": "entries", "step.entered": "steps"}
KINDS |= {"goal.reached": "conversions", "journey.defined": "definitions"}
LOGGED_MS = 1_793_700_000_000


def open_partitions(directory: Path, count: int) -> list[Partition]:
    """Open empty partitions below a directory."""
    memory = StoreMemory(32 * 1024 * 1024)
    settings = FoldSettings(partitions=count, account_time_zones=ZONES)
    return [
        Partition(Store.open(directory / str(number), memory, partition=number), number, settings)
        for number in range(count)
    ]


def fold_all(partitions: list[Partition], events: Iterable[Mapping[str, Any]]) -> None:
    """Fold events into the partitions that they belong to, and commit."""
    records: dict[tuple[int, str], list[LogRecord]] = {}
    for event in events:
        kind = KINDS.get(event["type"], "messages")
        key = None if kind == "definitions" else event["user_id"].encode()
        home = None if key is None else PARTITIONERS["murmur2"](key, len(partitions))
        for partition in partitions:
            if home in (None, partition.number):
                log = records.setdefault((partition.number, kind), [])
                log.append(LogRecord(len(log), LOGGED_MS, key, msgspec.json.encode(event)))
    for partition in partitions:
        for (number, kind), log in sorted(records.items()):
            if number == partition.number:
                start = partition.offsets.get(kind, 0)
                partition.fold(
                    kind, [LogRecord(start + at, r.timestamp, r.key, r.value) for at, r in enumerate(log)]
                )
        assert partition.refused == []
        partition.commit()
