"""Erasures: each is accepted once, by account, user and event id, whatever happens in between."""

from pathlib import Path
from typing import Any

import pytest

from tests.generators.logs import log_of
from tests.state.snapshots.logs import LOG
from tests.state.snapshots.places import ObjectsInMemory
from wayfold.models.record import Record
from wayfold.state.intake.erasures import Erasure, decode_erasure, erasure_key
from wayfold.state.partition import FoldSettings, Partition, PartitionStore
from wayfold.state.reading.query import Query
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore
from wayfold.state.store.store import Store, StoreMemory

TOPIC = "users"
ONCE, TWICE = (1, 0), (1, 1)  # accepted, duplicates


def erased(event_id: str = "gone", **fields: Any) -> dict[str, Any]:
    person = {"user_id": "ann", "occurred_at": "2026-11-01T10:00:00.250Z", "mode": "anonymise"}
    return {"type": "user.erased", "event_id": event_id, **person, **fields}


def records(*events: dict[str, Any]) -> list[Record]:
    [log] = log_of((TOPIC, event) for event in events)
    return [logged.record for logged in log]


def opened(store: PartitionStore, partitions: int = 1) -> Partition:
    return Partition(store, 0, FoldSettings(partitions=partitions))


def verdicts(partition: Partition) -> tuple[int, int]:
    partition.commit()
    return partition.counters.get("accepted_total", 0), partition.counters.get("duplicate_total", 0)


def test_a_repeat_within_a_batch_is_a_duplicate() -> None:
    """The second of two equal erasures counts as a duplicate though neither is written yet."""
    partition = opened(MemoryStore())
    partition.fold(TOPIC, records(erased(), erased()))
    assert verdicts(partition) == TWICE


def test_a_repeat_after_a_restart_is_a_duplicate() -> None:
    """The next process knows the erasures that were committed."""
    store = MemoryStore()
    first, again = records(erased(), erased())
    partition = opened(store)
    partition.fold(TOPIC, [first])
    assert verdicts(partition) == ONCE
    partition = opened(store.restarted())
    partition.fold(TOPIC, [again])
    assert verdicts(partition) == TWICE


def test_what_was_discarded_is_no_repeat() -> None:
    """An erasure whose batch was discarded, or could not be written, is new when it comes again."""
    store = MemoryStore()
    partition = opened(store)
    batch = records(erased())
    partition.fold(TOPIC, batch)
    partition.discard()
    partition.fold(TOPIC, batch)
    store.fail_next_write(OSError("the disk is full"))
    with pytest.raises(OSError, match="full"):
        partition.commit()
    partition.discard()
    partition.fold(TOPIC, batch)
    assert verdicts(partition) == ONCE


def test_a_snapshot_keeps_erasures(scratch: Path) -> None:
    """A repeat that reaches a partition restored from its snapshot is a duplicate."""
    memory = StoreMemory(16 * 1024 * 1024)
    snapshots = Snapshots(ObjectsInMemory(), LOG, keep=1)
    first, again = records(erased(), erased())
    with Store.open(scratch / "here", memory, partition=0) as store:
        partition = opened(store)
        partition.fold(TOPIC, [first])
        partition.commit()
        snapshots.upload(snapshots.take(store, partition.offsets, partition.watermark_ms))
    snapshots.restore_latest(0, scratch / "there")
    with Store.open(scratch / "there", memory, partition=0) as store:
        partition = opened(store)
        partition.fold(TOPIC, [again])
        assert verdicts(partition) == TWICE


@pytest.mark.parametrize("other", [{"event_id": "b"}, {"user_id": "bob"}, {"account_id": "acme"}])
def test_another_erasure_is_no_repeat(other: dict[str, str]) -> None:
    """Account, user and event id together name an erasure: where one of them differs it is another."""
    partition = opened(MemoryStore())
    partition.fold(TOPIC, records(erased(), erased(**other)))
    assert verdicts(partition) == (2, 0)


def test_the_first_erasure_of_an_id_is_kept() -> None:
    """The row says account, user, mode and time of the first erasure, also when a repeat says otherwise."""
    store = MemoryStore()
    partition = opened(store)
    later = {"mode": "subtract", "occurred_at": "2026-11-02T10:00:00Z"}
    partition.fold(TOPIC, records(erased(), erased(**later)))
    assert verdicts(partition) == TWICE
    [(key, row)] = store.scan(keys.ERASURE, keys.after(keys.ERASURE))
    assert key == erasure_key("default", "ann", "gone")
    assert decode_erasure(row) == Erasure("anonymise", 1_793_527_200_250, "default", "ann")


def test_an_erasure_makes_no_user_and_no_number() -> None:
    """In a partition that others' events go to, an erasure leaves neither a person nor an account behind."""
    store = MemoryStore()
    partition = opened(store, partitions=8)
    # One of so many users at least belongs elsewhere, and would be refused here if it were looked up.
    partition.fold(TOPIC, records(*(erased(user_id=f"user-{number}") for number in range(20))))
    assert verdicts(partition) == (20, 0)
    assert {key[:1] for key, _ in store.scan(b"", b"\xff")} == {keys.META, keys.ERASURE}
    partial = partition.partial(Query())
    assert (partial["journeys"], partial["accounts"], partial["watermark_ms"]) == ([], [], -1)
