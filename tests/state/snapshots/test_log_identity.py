"""A snapshot is of one log and one calendar, and at one address several logs do not meet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.snapshots.logs import LOG, calendar, log_like
from tests.state.snapshots.places import ObjectsInMemory
from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem
from wayfold.state.snapshots.log_identity import (
    LogIdentity,
    calendar_difference,
    calendar_of,
    log_differences,
    zones_in_use,
)
from wayfold.state.snapshots.objects import logs_at
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory

WATERMARK_MS = 1_700_000_000_000
BERLIN = calendar("2025a", (0, 3_600), (1_600_000_000, 7_200))


@pytest.fixture
def store(scratch: Path) -> Iterator[Store]:
    with Store.open(scratch / "p5", StoreMemory(16 * 1024 * 1024), partition=5) as opened:
        yield opened


def make(snapshots: Snapshots, store: Store) -> str:
    """Take and upload a snapshot; return its name."""
    return snapshots.upload(snapshots.take(store, {"entries": 3}, WATERMARK_MS)).name


def opened(objects: ObjectsInMemory, log: LogIdentity | str) -> Snapshots:
    return Snapshots(objects, log, keep=1, attempts=1)


def test_a_manifest_names_the_log(store: Store) -> None:
    """Topic ids, partition count, partitioner and calendar come back as they were when it was taken."""
    objects = ObjectsInMemory()
    log = log_like(calendar=BERLIN)
    make(opened(objects, log), store)
    found = opened(objects, log.name).latest(5)
    assert found is not None
    assert found.log == log


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (log_like(topic_ids={"t.entries": "a", "t.steps": "c"}), "t.steps was deleted and created again"),
        (log_like(topic_ids={"u.entries": "d"}), "it was folded from t.entries, t.steps"),
        (log_like(partitions=8), "partitions: 4 then, 8 now"),
        (log_like(partitioner="crc32"), "partitioner: murmur2 then, crc32 now"),
    ],
)
def test_a_snapshot_of_another_log_is_refused(
    store: Store, scratch: Path, log: LogIdentity, message: str
) -> None:
    """What was folded from other records is never restored, and the refusal says in what they differ."""
    objects = ObjectsInMemory()
    name = make(opened(objects, LOG), store)
    snapshots = opened(objects, log)
    with pytest.raises(SnapshotError, match=message) as caught:
        snapshots.manifest(5, name)
    assert caught.value.problem is SnapshotProblem.OTHER_LOG
    restored = snapshots.restore_latest(5, scratch / "restored")
    assert restored.manifest is None
    assert [error.problem for error in restored.refused] == [SnapshotProblem.OTHER_LOG]
    assert not (scratch / "restored").exists()


def test_snapshots_of_another_log_are_pruned_with_the_rest(store: Store) -> None:
    """What was taken of topics that were made again since keeps its files for a while, and none else's."""
    objects = ObjectsInMemory()
    make(Snapshots(objects, LOG, keep=2), store)
    before = set(objects.of_kind("files"))
    snapshots = Snapshots(objects, log_like(topic_ids={"t.entries": "a", "t.steps": "c"}), keep=2)
    objects.objects[f"{LOG.name}/partition-5/files/{'0' * 64}"] = b"of no snapshot"
    snapshots.prune(5)
    assert set(objects.of_kind("files")) == before
    for value in (b"1", b"2"):
        store.write([(b"k", value)])
        make(snapshots, store)
        snapshots.prune(5)
    snapshots.prune(5)
    manifests = [snapshots.manifest(5, name) for name in snapshots.names(5)]
    assert len(manifests) == 2
    needed = {file.sha256 for manifest in manifests for file in manifest.files}
    assert {path.rpartition("/")[2] for path in objects.of_kind("files")} == needed


def test_two_logs_at_one_address_never_meet(store: Store, scratch: Path) -> None:
    """Each lists, restores and prunes its own snapshots only, and both can be found from outside."""
    objects = ObjectsInMemory()
    other = log_like(log_id="two", topic_ids={"u.entries": "d"})
    first = make(opened(objects, LOG), store)
    before = dict(objects.objects)
    snapshots = opened(objects, other)
    assert snapshots.names(5) == []
    assert snapshots.latest(5) is None
    assert snapshots.restore_latest(5, scratch / "restored").manifest is None
    for value in (b"1", b"2", b"3"):
        store.write([(b"k", value)])
        latest = make(snapshots, store)
        snapshots.prune(5)
    assert snapshots.names(5) == [latest]
    assert objects.objects.items() >= before.items()
    assert opened(objects, LOG).names(5) == [first]
    assert logs_at(objects) == {name: [5] for name in sorted([LOG.name, other.name])}


def test_a_place_that_cannot_be_listed_is_no_empty_one() -> None:
    """Trouble with the storage is told with its address, and not taken for an absence of snapshots."""
    objects = ObjectsInMemory()
    objects.fail_from(0)
    with pytest.raises(SnapshotError, match=r"The place of the snapshots, memory, cannot be read"):
        logs_at(objects)


def test_another_calendar_counts_up_to_the_watermark(store: Store) -> None:
    """Rules that differ only after all that a snapshot holds refuse it not; others do, with zone and time."""
    objects = ObjectsInMemory()
    name = make(opened(objects, log_like(calendar=BERLIN)), store)
    later = calendar("2026b", (0, 3_600), (1_600_000_000, 7_200), (1_750_000_000, 3_600))
    opened(objects, log_like(calendar=later)).manifest(5, name)
    earlier = calendar("2026b", (0, 3_600), (1_650_000_000, 7_200))
    with pytest.raises(SnapshotError, match=r"2025a then .* 2026b now.*Berlin from 2020-09-13T") as caught:
        opened(objects, log_like(calendar=earlier)).manifest(5, name)
    assert caught.value.problem is SnapshotProblem.OTHER_CALENDAR


def test_a_zone_that_only_one_of_them_uses_is_no_difference() -> None:
    """Settings may name another zone for another account: what was counted knows nothing of it."""
    assert calendar_difference(LOG, log_like(calendar=BERLIN), 1_800_000_000) is None


def test_topics_that_only_one_of_them_has_are_no_difference() -> None:
    """A later version that folds one topic more goes on with the state that it finds."""
    more = log_like(topic_ids={**LOG.topic_ids, "t.calls": "x"})
    assert log_differences(LOG, more) == log_differences(more, LOG) == []


def test_the_calendar_of_this_machine_agrees_with_itself() -> None:
    """Two readings of the same database are equal, and only zones in use are in them."""
    zones = zones_in_use("UTC", {"acme": "Europe/Berlin", "other": "Europe/Berlin"})
    one, other = calendar_of(zones), calendar_of(zones)
    assert one == other
    assert set(one.clock_changes) == {"UTC", "Europe/Berlin"}


def test_a_snapshot_that_was_read_back_is_whole(store: Store, scratch: Path) -> None:
    """Every file is compared with what was uploaded, once; a missing or a wrong one is refused."""
    objects = ObjectsInMemory()
    store.write([(b"k%d" % number, b"v" * 100) for number in range(100)])
    snapshots = opened(objects, LOG)
    make(snapshots, store)
    manifest = snapshots.latest(5)
    assert manifest is not None
    snapshots.verify(manifest, scratch / "back")
    assert not (scratch / "back").exists()
    read = len([call for call, _ in objects.calls if call == "get_file"])
    assert read == len({file.sha256 for file in manifest.files}) or read == len(manifest.files)
    snapshots.verify(manifest, scratch / "back")
    assert len([call for call, _ in objects.calls if call == "get_file"]) == read
    table = max(objects.of_kind("files"), key=lambda name: len(objects.objects[name]))
    whole = objects.objects.pop(table)
    with pytest.raises(SnapshotError, match="lacks its file") as caught:
        snapshots.verify(manifest, scratch / "back")
    assert caught.value.problem is SnapshotProblem.DAMAGED
    objects.objects[table] = bytes(len(whole))
    with pytest.raises(SnapshotError, match="is not the one that was uploaded"):
        opened(objects, LOG).verify(manifest, scratch / "back")
    assert not (scratch / "back").exists()
