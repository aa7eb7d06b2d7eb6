"""Where a partition's state comes from, and how snapshots of it are made."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from wayfold.agents.effects import OpenPartition
from wayfold.agents.worker import partition_states
from wayfold.agents.worker.partition_states import PartitionStates
from wayfold.agents.worker.snapshotting import SnapshotTaker
from wayfold.agents.worker.state_directory import StateDirectory, StateIdentity
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.objects import DirectoryObjects, ObjectStorageError
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory
from wayfold.state.telemetry import Telemetry

EVENT = (
    b'{"type":"journey.entered","event_id":"e%d","occurred_at":"2026-11-01T12:00:00Z","user_id":"ada",'
    b'"journey_id":"welcome","journey_version":1,"entry_id":"n%d"}'
)
MEMORY = StoreMemory(32 * 1024 * 1024)


class Objects(DirectoryObjects):
    """A place for snapshots that can be away."""

    away = False

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        self._check()
        return super().sizes(prefix)

    def get(self, name: str) -> bytes:
        self._check()
        return super().get(name)

    def _check(self) -> None:
        if self.away:
            raise ObjectStorageError("away")


class Bench:
    """A worker's disk and a place for snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = Objects(folder / "snapshots")
        self.snapshots = Snapshots(self.objects, attempts=1)
        identity = StateIdentity(partitions=1, partitioner="murmur2", topic_ids={"t": "1"})
        self.directory = StateDirectory.open(folder / "state", identity)
        self.states = PartitionStates(self.directory, MEMORY, FoldSettings(), self.snapshots)
        self.opened: list[Partition] = []

    def open(self, begin: int = 0) -> Partition:
        """Open partition 0 with a log that begins at this offset of entries."""
        partition = self.states.open(0, {"entries": begin})
        self.opened.append(partition)
        return partition

    def snapshot_of(self, records: int) -> None:
        """Make a snapshot of a partition that has folded this many records."""
        with_records = Partition(Store.open(self.folder / "other", MEMORY, partition=0), 0, FoldSettings())
        fold(with_records, records)
        assert isinstance(with_records.store, Store)
        taken = self.snapshots.take(with_records.store, with_records.offsets, with_records.watermark_ms)
        self.snapshots.upload(taken)
        with_records.close()


def fold(partition: Partition, records: int) -> None:
    """Fold and commit up to this many records of entries."""
    values = [EVENT % (number, number) for number in range(records)]
    partition.fold(
        "entries", [LogRecord(i, 1_793_000_000_000, b"ada", value) for i, value in enumerate(values)]
    )
    partition.commit()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for partition in bench.opened:
        partition.close()
    bench.directory.close()


def test_without_state_and_snapshots_a_partition_begins_empty(bench: Bench) -> None:
    """The first start of a partition has nothing to restore."""
    assert bench.open().offsets == {}


def test_a_partition_without_state_takes_the_latest_snapshot(bench: Bench) -> None:
    """A worker that never had the partition goes on where the snapshot stands."""
    bench.snapshot_of(7)
    assert bench.open().offsets == {"entries": 7}


def test_state_on_this_disk_is_kept_when_the_log_has_the_rest(bench: Bench) -> None:
    """A snapshot that is a little newer is not fetched: folding the difference is quicker."""
    fold(bench.open(), 3)
    bench.opened.pop().close()
    bench.snapshot_of(7)
    assert bench.open().offsets == {"entries": 3}


def test_state_that_the_log_cannot_continue_is_replaced(bench: Bench) -> None:
    """When retention has passed the state here but not the snapshot, the snapshot takes its place."""
    fold(bench.open(), 3)
    bench.opened.pop().close()
    bench.snapshot_of(7)
    assert bench.open(begin=5).offsets == {"entries": 7}
    bench.opened.pop().close()
    assert [path.name for path in bench.directory.path.glob("partition-*")] == ["partition-0"]


def test_state_far_behind_a_snapshot_is_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching beats folding again from a certain distance on."""
    monkeypatch.setattr(partition_states, "REPLAY_LIMIT_RECORDS", 4)
    fold(bench.open(), 3)
    bench.opened.pop().close()
    bench.snapshot_of(7)
    assert bench.open().offsets == {"entries": 7}


def test_a_snapshot_that_does_not_help_is_left(bench: Bench) -> None:
    """When the log can continue neither, the state here stays, for the check of the log to refuse."""
    fold(bench.open(), 3)
    bench.opened.pop().close()
    bench.snapshot_of(4)
    assert bench.open(begin=5).offsets == {"entries": 3}


def test_unreadable_snapshots_do_not_keep_good_state_from_use(bench: Bench) -> None:
    """Trouble with the place of the snapshots matters only to who needs one."""
    fold(bench.open(), 3)
    bench.opened.pop().close()
    bench.objects.away = True
    assert bench.open().offsets == {"entries": 3}


def test_unreadable_snapshots_are_not_taken_for_none(bench: Bench) -> None:
    """A partition without state is not begun anew because its snapshots could not be read."""
    bench.objects.away = True
    with pytest.raises(SnapshotError):
        bench.open()


async def test_snapshots_are_made_of_what_has_changed(bench: Bench) -> None:
    """Every partition that folded something since its last snapshot gets one, and can be restored from it."""
    partition = bench.open()
    fold(partition, 5)
    telemetry = Telemetry()
    taker = SnapshotTaker(bench.snapshots, lambda: [OpenPartition(partition)], telemetry, 900)
    await taker.take_all()
    await taker.take_all()
    assert len(bench.snapshots.names(0)) == 1
    fold(partition, 8)
    await taker.take_all()
    latest = bench.snapshots.latest(0)
    assert latest is not None
    assert latest.offsets == {"entries": 8}
    assert sum(telemetry.snapshot_seconds.counts) == 2


async def test_a_snapshot_that_fails_is_counted_and_tried_again(bench: Bench) -> None:
    """Folding goes on without snapshots, and the next one comes when the place is back."""
    partition = bench.open()
    fold(partition, 5)
    telemetry = Telemetry()
    taker = SnapshotTaker(bench.snapshots, lambda: [OpenPartition(partition)], telemetry, 900)
    bench.objects.away = True
    await taker.take_all()
    assert telemetry.snapshot_failures == 1
    bench.objects.away = False
    await taker.take_all()
    assert len(bench.snapshots.names(0)) == 1


async def test_a_revoked_partition_gets_no_snapshot(bench: Bench) -> None:
    """What belongs to another worker now is not read any more."""
    partition = bench.open()
    fold(partition, 5)
    opened = OpenPartition(partition)
    opened.revoke()
    await SnapshotTaker(bench.snapshots, lambda: [opened], Telemetry(), 900).take_all()
    assert bench.snapshots.names(0) == []


async def test_snapshots_come_by_themselves(bench: Bench) -> None:
    """While it runs beside a worker it takes snapshots in the interval that it was given."""
    partition = bench.open()
    fold(partition, 5)
    taker = SnapshotTaker(bench.snapshots, lambda: [OpenPartition(partition)], Telemetry(), 0.01)
    async with taker.running(), asyncio.timeout(10):
        while not bench.snapshots.names(0):
            await asyncio.sleep(0.01)
