"""Erasures: each is accepted once, by account, user and event id, whatever happens in between."""

from pathlib import Path
from typing import Any

import pytest

from tests.generators.logs import log_of
from tests.state.snapshots.logs import LOG
from tests.state.snapshots.places import ObjectsInMemory
from wayfold.models.record import LogRecord, Record
from wayfold.state.commit import PartitionStore
from wayfold.state.intake.erasures import Erasure, decode_erasure, erasure_key
from wayfold.state.limits import Limits
from wayfold.state.partition import FoldSettings, Partition
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


def opened(store: PartitionStore, partitions: int = 1, number: int = 0) -> Partition:
    return Partition(store, number, FoldSettings(partitions=partitions))


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
    """Of a person who is not known an erasure leaves neither a person nor an account behind."""
    store = MemoryStore()
    partition = opened(store)
    partition.fold(TOPIC, records(*(erased(user_id=f"user-{number}") for number in range(20))))
    assert verdicts(partition) == (20, 0)
    assert {key[:1] for key, _ in store.scan(b"", b"\xff")} == {keys.META, keys.ERASURE}
    partial = partition.partial(Query())
    assert (partial["journeys"], partial["accounts"], partial["watermark_ms"]) == ([], [], -1)


def test_an_erasure_goes_to_its_users_partition_under_its_users_key() -> None:
    """One that lies elsewhere, or under another key, is refused; the user's own partition has it."""
    homes = [opened(MemoryStore(number), partitions=2, number=number) for number in range(2)]
    for partition in homes:
        partition.fold(TOPIC, records(erased()))
        partition.commit()
    assert sorted(partition.counters.get("accepted_total", 0) for partition in homes) == [0, 1]
    assert sum(partition.counters.get("refused_total:wrong_partition", 0) for partition in homes) == 1
    partition = opened(MemoryStore())
    [record] = records(erased())
    partition.fold(TOPIC, [LogRecord(0, record.timestamp, b"bob", record.value)])
    partition.commit()
    assert partition.counters == {"refused_total:wrong_key": 1}


def test_an_erasure_is_neither_late_nor_of_the_future() -> None:
    """However far its time is from the log's it is taken, and counts from the log's time at the latest."""
    store = MemoryStore()
    partition = opened(store)
    [old, ahead] = records(erased("a", occurred_at="1999-01-01T00:00:00Z"), erased("b"))
    partition.fold(TOPIC, [old, LogRecord(1, ahead.timestamp - 7_200_000, ahead.key, ahead.value)])
    assert verdicts(partition) == (2, 0)
    times = sorted(decode_erasure(row).at_ms for _, row in store.scan(keys.ERASURE, keys.after(keys.ERASURE)))
    assert times == [915_148_800_000, 1_793_527_200_250 - 7_200_000]


def test_a_person_is_erased_no_more_often_than_is_taken() -> None:
    """One erasure more than the limit is refused, in the same batch and in a later one; a repeat is none."""
    partition = Partition(MemoryStore(), 0, FoldSettings(limits=Limits(user_events=2)))
    batch = records(
        erased("a"), erased("b"), erased("a"), erased("c"), erased("c", user_id="bob"), erased("d")
    )
    partition.fold(TOPIC, batch[:5])
    partition.commit()
    partition.fold(TOPIC, batch[5:])
    partition.commit()
    assert partition.counters == {"accepted_total": 3, "duplicate_total": 1, "refused_total:limit": 2}
