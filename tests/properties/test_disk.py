"""The same numbers from stores on disk: closed and opened between batches, or begun from a snapshot."""

import random
from pathlib import Path

import pytest

from tests.generators.logs import batches, log_of
from tests.generators.seeded import event_set, queries, replay_hint, seeds
from tests.generators.world import TIME_ZONES
from tests.properties.executions import answer, fold_batch
from wayfold.audit import oracle
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.store import Store, StoreMemory


@pytest.mark.parametrize("seed", seeds(2, first=500))
def test_reopened_and_restored(seed: int, tmp_path: Path) -> None:
    """A store that is closed after any batch goes on where it was; a snapshot and the log's rest equal it."""
    generator = random.Random(seed)
    memory = StoreMemory()
    settings = FoldSettings(account_time_zones=TIME_ZONES, journal_records=50)
    events = event_set(seed, 150)
    [log] = log_of(events)
    snapshot = tmp_path / "snapshot"
    store = Store.open(tmp_path / "store", memory, partition=0)
    partition = Partition(store, 0, settings)
    for batch in batches(log, generator, 30):
        fold_batch(partition, batch)
        partition.commit()
        if not snapshot.exists():
            store.checkpoint(snapshot)
        if generator.random() < 0.5:
            partition.close()
            store = Store.open(tmp_path / "store", memory, partition=0)
            partition = Partition(store, 0, settings)
    restored = Partition(Store.open(snapshot, memory, partition=0), 0, settings)
    fold_batch(restored, log)
    restored.commit()
    try:
        for query in ({}, *queries(generator, events, 5)):
            expected = oracle.numbers([event for _, event in events], TIME_ZONES, "UTC", query)
            assert oracle.differences(answer([partition], query), expected) == []
            assert oracle.differences(answer([restored], query), expected) == []
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise
    finally:
        partition.close()
        restored.close()
