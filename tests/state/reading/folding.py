"""Partitions of a small world, and what they say together to a question."""

import random
from collections.abc import Sequence

from tests.generators.logs import batches, interleaved, log_of
from tests.generators.seeded import event_set
from tests.generators.world import TIME_ZONES, Event
from tests.properties.executions import fold_batch
from tests.state.draining import drained
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest
from wayfold.state.store.memory_store import MemoryStore

PARTITIONS = 2


def folded(seed: int, size: int, journal_records: int) -> tuple[list[Event], list[Partition]]:
    """The events of a seed, and partitions that folded them; a part of them is still in the journal."""
    generator, logged = random.Random(seed), event_set(seed, size)
    settings = FoldSettings(
        partitions=PARTITIONS, account_time_zones=TIME_ZONES, journal_records=journal_records
    )
    partitions = [Partition(MemoryStore(number), number, settings) for number in range(PARTITIONS)]
    for partition, log in zip(partitions, log_of(logged, PARTITIONS), strict=True):
        for batch in batches(interleaved(log, generator), generator, 8):
            fold_batch(partition, batch)
            partition.commit()
        while partition.judging_since_ms is not None:
            partition.commit()
    return [event for _, event in logged], partitions


def said(partitions: Sequence[Partition], query: Query) -> Event:
    """The document of a query that is read in pieces."""
    watermarks = greatest(partition.watermarks for partition in partitions)
    found: Event = finish([drained(each.read(query, watermarks)) for each in partitions], query)
    return found
