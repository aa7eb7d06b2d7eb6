"""The fold alone: partitions over their stores on disk, records in memory, neither Kafka nor Redis."""

import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.context import PARTITIONS, BenchError, Context, Figures
from benchmarks.traffic import Event, Traffic, definition_records
from wayfold import settings
from wayfold.agents.collector import relax_collector
from wayfold.agents.sink import EVENT_KINDS, partition_of
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.store import Store, StoreMemory

EVENTS: Final = 800_000
BATCH_RECORDS: Final = settings.FoldSettings().batch_records
"""Of one partition in one commit, as the worker's setting fold.batch_records."""
ORDER: Final = {kind: place for place, kind in enumerate(("definitions", *EVENT_KINDS))}

Batch = tuple[Partition, list[tuple[str, Sequence[LogRecord]]]]


def measure(context: Context) -> Figures:
    """Fold events in batches, each committed and its views taken, as the worker does it."""
    partitions = open_partitions(context.path)
    define(partitions)
    count = context.count(EVENTS, least=8_000)
    batches = list(_batches(partitions, count))
    relax_collector()
    fold_s: dict[str, float] = defaultdict(float)
    records: dict[str, int] = defaultdict(int)
    commit_s = views_s = 0.0
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for partition, batch in batches:
        for kind, part in batch:
            before_s = time.thread_time()
            partition.fold(kind, part)
            fold_s[kind] += time.thread_time() - before_s
            records[kind] += len(part)
        before_s = time.thread_time()
        partition.commit()
        between_s = time.thread_time()
        partition.changed_views()
        commit_s += between_s - before_s
        views_s += time.thread_time() - between_s
    passed_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    _check(partitions, count)
    for partition in partitions:
        partition.close()
    return {
        "events": count,
        "events_per_s": round(count / passed_s),
        "cpu_us_per_event": round(cpu_s / count * 1e6, 2),
        "fold_us_per_event": {kind: round(fold_s[kind] / records[kind] * 1e6, 2) for kind in sorted(fold_s)},
        "commit_us_per_event": round(commit_s / count * 1e6, 2),
        "views_us_per_event": round(views_s / count * 1e6, 2),
    }


def open_partitions(folder: Path, numbers: Sequence[int] = range(PARTITIONS)) -> list[Partition]:
    """Open partitions of a folder, as a worker does."""
    memory = StoreMemory()
    settings = FoldSettings(partitions=PARTITIONS)
    return [
        Partition(Store.open(folder / f"partition-{number}", memory, partition=number), number, settings)
        for number in numbers
    ]


def define(partitions: Sequence[Partition]) -> None:
    """Fold the journeys' definitions."""
    taken_ms = time.time_ns() // 1_000_000
    for partition in partitions:
        records = [
            LogRecord(offset, taken_ms, None, record.value)
            for offset, record in enumerate(definition_records())
        ]
        partition.fold("definitions", records)
        partition.commit()


def batches_of(
    partitions: Sequence[Partition], events: Sequence[Event], offsets: dict[tuple[str, int], int]
) -> list[Batch]:
    """Deal events out to their partitions; `offsets` go on from where they are."""
    dealt: dict[int, dict[str, list[LogRecord]]] = defaultdict(lambda: defaultdict(list))
    for kind, key, value, at_ms in events:
        number = partition_of(key, PARTITIONS)
        offset = offsets.get((kind, number), 0)
        offsets[kind, number] = offset + 1
        dealt[number][kind].append(LogRecord(offset, at_ms, key, value))
    by_number = {partition.number: partition for partition in partitions}
    return [
        (by_number[number], sorted(kinds.items(), key=lambda item: ORDER[item[0]]))
        for number, kinds in sorted(dealt.items())
    ]


def _batches(partitions: Sequence[Partition], count: int) -> list[Batch]:
    events = iter(Traffic(2, count))
    offsets: dict[tuple[str, int], int] = {}
    found: list[Batch] = []
    while part := list(islice(events, PARTITIONS * BATCH_RECORDS)):
        found += batches_of(partitions, part, offsets)
    return found


def _check(partitions: Sequence[Partition], count: int) -> None:
    accepted = sum(partition.counters["accepted_total"] for partition in partitions)
    defined = sum(partition.offsets["definitions"] for partition in partitions)
    if accepted != count + defined:
        raise BenchError(f"{accepted} of {count + defined} records were accepted")
