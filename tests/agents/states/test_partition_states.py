"""Where a partition's state comes from, and how snapshots of it are made."""

import asyncio
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.snapshots.logs import LOG, calendar, log_like
from wayfold.agents.effects import OpenPartition
from wayfold.agents.states import partition_states, snapshotting
from wayfold.agents.states.lost_records import START_AT_OLDEST, LostRecordsError
from wayfold.agents.states.partition_states import PartitionStates
from wayfold.agents.states.snapshotting import SnapshotTaker
from wayfold.agents.states.state_directory import StateDirectory
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.log_identity import LogIdentity
from wayfold.state.snapshots.objects import DirectoryObjects, ObjectStorageError
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.errors import StoreRefusedError
from wayfold.state.store.store import Store, StoreMemory
from wayfold.state.telemetry import Telemetry

EVENT = (
    b'{"type":"journey.entered","event_id":"e%d","occurred_at":"2026-10-25T12:00:00Z","user_id":"ada",'
    b'"journey_id":"welcome","journey_version":1,"entry_id":"n%d"}'
)
MEMORY = StoreMemory(32 * 1024 * 1024)


class Objects(DirectoryObjects):
    """A place for snapshots that can be away."""

    away = False

    @property
    def directory(self) -> Path:
        return Path(self.url)

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
        self.snapshots = Snapshots(self.objects, LOG, attempts=1)
        self.directory = StateDirectory.open(folder / "state", LOG)
        self.states = PartitionStates(self.directory, MEMORY, FoldSettings(), self.snapshots)
        self.opened: list[Partition] = []

    def open(self, begin: int = 0, end: int | None = None) -> Partition:
        """Open partition 0 with a log that begins, and ends, at these offsets of entries."""
        ends = None if end is None else {"entries": end}
        partition = self.states.open(0, {"entries": begin, "steps": 0}, ends)
        self.opened.append(partition)
        return partition

    def start_at_oldest(self) -> None:
        """Start again, told to go on without what is gone."""
        self.states = PartitionStates(
            self.directory, MEMORY, FoldSettings(), self.snapshots, start_at_oldest=True
        )

    def snapshot_of(self, records: int, log: LogIdentity = LOG) -> None:
        """Make a snapshot of a partition that has folded this many records of a log."""
        with_records = Partition(Store.open(self.folder / "other", MEMORY, partition=0), 0, FoldSettings())
        fold(with_records, records)
        assert isinstance(with_records.store, Store)
        snapshots = Snapshots(self.objects, log)
        taken = snapshots.take(with_records.store, with_records.offsets, with_records.watermark_ms)
        snapshots.upload(taken)
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


@pytest.mark.parametrize(
    "log",
    [
        log_like(topic_ids={"t.entries": "a", "t.steps": "made anew"}),
        log_like(log_id="two", topic_ids={"u.entries": "a"}),
        log_like(partitions=8),
        log_like(partitioner="crc32"),
        log_like(calendar=calendar("2020a", (0, 3_600))),
    ],
    ids=["a topic was made again", "another system", "partitions", "partitioner", "calendar"],
)
def test_a_snapshot_of_another_log_is_never_restored(bench: Bench, log: LogIdentity) -> None:
    """A partition begins anew rather than from what was folded from other records, or cut by other clocks."""
    here = log_like(calendar=calendar("2026a", (0, 7_200))) if log.calendar != LOG.calendar else LOG
    bench.snapshots = Snapshots(bench.objects, here, attempts=1)
    bench.states = PartitionStates(bench.directory, MEMORY, FoldSettings(), bench.snapshots)
    bench.snapshot_of(7, log)
    assert bench.open().offsets == {}
    assert len(list(bench.objects.directory.rglob("snapshots/*.json"))) == 1


def test_state_that_a_crash_left_between_two_renames_is_found_again(bench: Bench) -> None:
    """What a replacement had renamed away, or had ready, is there at the next start, alone."""
    fold(bench.open(), 3)
    bench.opened.pop().close()
    here = bench.directory.partition_path(0)
    outgoing, incoming = here.with_name("partition-0.outgoing"), here.with_name("partition-0.incoming")
    here.rename(outgoing)
    assert bench.open().offsets == {"entries": 3}
    bench.opened.pop().close()
    bench.snapshot_of(7)
    bench.snapshots.restore_latest(0, incoming)
    here.rename(outgoing)
    assert bench.open().offsets == {"entries": 7}
    bench.opened.pop().close()
    shutil.copytree(here, outgoing)
    assert bench.open().offsets == {"entries": 7}
    assert [path.name for path in bench.directory.path.glob("partition-*")] == ["partition-0"]


def test_a_start_without_state_tells_what_is_lost_and_touches_nothing(bench: Bench) -> None:
    """When the log lacks its beginning and no snapshot has it, no store is made and the way out is named."""
    bench.snapshot_of(4)
    with pytest.raises(LostRecordsError, match="begins at offset 5, 5 records are gone") as caught:
        bench.open(begin=5)
    assert START_AT_OLDEST in str(caught.value)
    assert list(bench.directory.path.glob("partition-*")) == []


def test_one_may_go_on_without_what_is_gone(bench: Bench) -> None:
    """Told so, a partition begins at the oldest record, and later starts need not be told again."""
    bench.start_at_oldest()
    assert bench.open(begin=5).offsets == {"entries": 5, "steps": 0}
    bench.opened.pop().close()
    bench.states = PartitionStates(bench.directory, MEMORY, FoldSettings(), bench.snapshots)
    assert bench.open(begin=5).offsets == {"entries": 5, "steps": 0}


def test_a_refused_store_says_what_would_be_lost_without_it(bench: Bench) -> None:
    """Nobody is told to move a damaged store away when neither log nor snapshots have what it holds."""
    fold(bench.open(), 7)
    bench.opened.pop().close()
    (bench.directory.partition_path(0) / "wayfold-mark").write_bytes(b"?")
    with pytest.raises(StoreRefusedError, match=r"No snapshot can take its place.*5 records are gone"):
        bench.open(begin=5)
    with pytest.raises(StoreRefusedError) as caught:
        bench.open()
    assert "gone" not in str(caught.value)
    bench.snapshot_of(6)
    with pytest.raises(StoreRefusedError) as caught:
        bench.open(begin=5)
    assert "gone" not in str(caught.value)


def test_a_snapshot_ahead_of_the_log_is_passed_over(bench: Bench) -> None:
    """When the log has lost its end, an older snapshot from which it goes on is restored."""
    bench.snapshot_of(4)
    with_more = bench.folder / "other"
    shutil.rmtree(with_more)
    bench.snapshot_of(7)
    assert bench.open(end=5).offsets == {"entries": 4}


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


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("take", OSError(errno.ENOSPC, "No space left on device")),
        ("upload", OSError(errno.ENOSPC, "No space left on device")),
        ("prune", OSError(errno.EIO, "Input/output error")),
        ("upload", RuntimeError("a fault of ours")),
    ],
)
async def test_no_error_ends_the_taking_of_snapshots(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    """A full disk, a broken one, or a fault is counted, and snapshots come when it is over."""
    partition = bench.open()
    fold(partition, 5)
    telemetry = Telemetry()
    taker = SnapshotTaker(bench.snapshots, lambda: [OpenPartition(partition)], telemetry, 0.01)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(bench.snapshots, where, fail)
        async with taker.running(), asyncio.timeout(10):
            while telemetry.snapshot_failures < 1:
                await asyncio.sleep(0.01)
            patch.undo()
            fold(partition, 8)
            while (latest := bench.snapshots.latest(0)) is None or latest.offsets != {"entries": 8}:
                await asyncio.sleep(0.01)


async def test_a_disk_with_little_room_gets_no_snapshot(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last room on the state's disk is left to the fold, and the snapshot comes when there is more."""
    partition = bench.open()
    fold(partition, 5)
    telemetry = Telemetry()
    taker = SnapshotTaker(bench.snapshots, lambda: [OpenPartition(partition)], telemetry, 900)
    with monkeypatch.context() as patch:
        patch.setattr(snapshotting, "LEAST_FREE_BYTES", 1 << 60)
        await taker.take_all()
    assert telemetry.snapshot_failures == 1
    assert bench.snapshots.names(0) == []
    await taker.take_all()
    assert len(bench.snapshots.names(0)) == 1


async def test_the_age_of_the_last_snapshot_is_shown(bench: Bench) -> None:
    """A gauge has when each partition's latest snapshot was taken, also one of an earlier process."""
    partition = bench.open()
    fold(partition, 5)
    telemetry = Telemetry()
    opened = [OpenPartition(partition)]
    taker = SnapshotTaker(bench.snapshots, lambda: opened, telemetry, 900)
    await taker.take_all()
    latest = bench.snapshots.latest(0)
    assert latest is not None
    assert telemetry.snapshot_ms == {0: latest.created_at_ms}
    after_restart = Telemetry()
    async with SnapshotTaker(bench.snapshots, lambda: opened, after_restart, 900).running():
        async with asyncio.timeout(10):
            while not after_restart.snapshot_ms:
                await asyncio.sleep(0.01)
    assert after_restart.snapshot_ms == telemetry.snapshot_ms
    page, _ = await MetricsWriter(after_restart, lambda: [partition], None)("")
    shown = f'wayfold_last_snapshot_timestamp_seconds{{partition="0"}} {latest.created_at_ms / 1000}'
    assert float(shown.rpartition(" ")[2]) == next(
        float(line.rpartition(" ")[2])
        for line in page.decode().splitlines()
        if line.startswith(shown.rpartition(" ")[0])
    )
    opened.clear()
    await taker.note_latest()
    assert telemetry.snapshot_ms == {}


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
