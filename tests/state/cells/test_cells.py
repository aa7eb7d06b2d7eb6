"""Hours, days and all time are three ways to write down the same numbers."""

import random
from collections import defaultdict
from struct import unpack_from

import pytest

from tests.generators.seeded import event_set, replay_hint, seeds
from tests.generators.world import TIME_ZONES
from tests.properties.executions import EXECUTIONS, Execution, run
from tests.state.settling import settle
from wayfold.state.cells.totals import Totals
from wayfold.state.cells.user_sets import read_users
from wayfold.state.cells.values import Histogram, add_histogram, decode_histogram, unpack
from wayfold.state.names.catalog import OPEN
from wayfold.state.partition import Partition
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

ALL_BUCKETS = (0, 2**32 - 1)


def rows_of(store: StoreReader, kind: bytes, grain: int) -> list[tuple[int, bytes]]:
    """Series and value of each row of a kind and grain."""
    rows = []
    for key, value in store.scan(kind, keys.after(kind)):
        series, found = unpack_from(">IB", key, 1)
        if found == grain:
            rows.append((series, value))
    return rows


def counts(store: StoreReader, grain: int) -> dict[int, tuple[int, int]]:
    """By series the sums of both counts over all cells of a grain, those that are not zero."""
    sums: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for series, value in rows_of(store, keys.CELL, grain):
        first, second = unpack(value)
        sums[series] = (sums[series][0] + first, sums[series][1] + second)
    return {series: both for series, both in sums.items() if both != (0, 0)}


def dwells(store: StoreReader, grain: int) -> dict[int, Histogram]:
    """By series the sum of the histograms of a grain, those that are not empty."""
    sums: defaultdict[int, Histogram] = defaultdict(dict)
    for series, value in rows_of(store, keys.DWELL, grain):
        add_histogram(sums[series], decode_histogram(value))
    return {series: histogram for series, histogram in sums.items() if histogram}


def users(partition: Partition, grain: int) -> list[list[int]]:
    """By series the persons of all user sets of a grain together."""
    every = range(len(partition.catalog.series))
    return [list(read_users(partition.store, series, grain, ALL_BUCKETS)) for series in every]


def totals(partition: Partition) -> tuple[dict[int, tuple[int, int]], dict[int, Histogram]]:
    """By series both counts and the histogram over all time, those that are not zero or empty."""
    found = Totals()
    found.load(partition.store)
    names = {series: name for series, (_, name) in enumerate(partition.catalog.series)}
    numbers = {
        series: (first, second)
        for series, (first, second, _) in found.values.items()
        # What is open is so as of the watermark, and in no hour: its rows are those of the closings.
        if names[series][0] != OPEN and (first or second)
    }
    return numbers, {series: histogram for series, histogram in found.dwells.items() if histogram}


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.name)
@pytest.mark.parametrize("seed", seeds(2, first=700))
def test_hours_days_and_totals_agree(seed: int, execution: Execution) -> None:
    """In every series that has hours, whatever happened, they add up to the days and both to the total."""
    hint = replay_hint(seed)
    some = False
    for partition in run(event_set(seed, 150), execution, random.Random(seed)):
        store = partition.store
        settle(store, partition.number, TIME_ZONES)
        all_counts, all_dwells = totals(partition)
        assert counts(store, keys.HOUR_GRAIN) == all_counts, hint
        assert counts(store, keys.DAY_GRAIN) == all_counts, hint
        assert dwells(store, keys.HOUR_GRAIN) == all_dwells, hint
        assert dwells(store, keys.DAY_GRAIN) == all_dwells, hint
        assert users(partition, keys.HOUR_GRAIN) == users(partition, keys.DAY_GRAIN), hint
        some = some or bool(all_counts and all_dwells and any(users(partition, keys.DAY_GRAIN)))
    assert some, hint
