"""Snapshots bring a partition's state back whole, or not at all."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.state.snapshots.logs import LOG
from tests.state.snapshots.places import ObjectsInMemory
from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem
from wayfold.state.snapshots.manifest import latest_object as latest_below
from wayfold.state.snapshots.manifest import manifest_object as manifest_below
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory

Pairs = dict[bytes, bytes]


def manifest_object(partition: int, name: str) -> str:
    """Name the object of a manifest in the place of the snapshots."""
    return f"{LOG.name}/{manifest_below(partition, name)}"


def latest_object(partition: int) -> str:
    """Name the pointer to the latest snapshot in the place of the snapshots."""
    return f"{LOG.name}/{latest_below(partition)}"


@pytest.fixture(scope="module")
def memory() -> StoreMemory:
    return StoreMemory(16 * 1024 * 1024)


@pytest.fixture
def objects() -> ObjectsInMemory:
    return ObjectsInMemory()


@pytest.fixture
def snapshots(objects: ObjectsInMemory) -> Snapshots:
    return Snapshots(objects, LOG, keep=2, attempts=3, pause_s=0.001)


@pytest.fixture
def store(scratch: Path, memory: StoreMemory) -> Iterator[Store]:
    with Store.open(scratch / "p5", memory, partition=5) as opened:
        yield opened


def fill(store: Store, round_number: int) -> Pairs:
    """Write something that only this round writes, and return all that there is."""
    store.write([(b"%d-%03d" % (round_number, n), b"%d" % round_number * 200) for n in range(200)])
    store.write([(b"offset", b"%d" % round_number)])
    return dict(store.scan(b"", b"\xff"))


def make(snapshots: Snapshots, store: Store, offset: int = 0) -> str:
    """Take and upload a snapshot; return its name."""
    return snapshots.upload(snapshots.take(store, {"entries": offset}, offset * 1_000)).name


def content(path: Path, memory: StoreMemory) -> Pairs:
    """Read all of the store of partition 5."""
    with Store.open(path, memory, partition=5) as opened:
        return dict(opened.scan(b"", b"\xff"))


def test_a_restored_snapshot_is_the_state_as_it_was_taken(
    snapshots: Snapshots, store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """What was written before is there, what was written later is not, and it says its offsets."""
    expected = fill(store, 1)
    taken = snapshots.take(store, {"entries": 12, "steps": 7}, 1_700_000_000_000)
    fill(store, 2)
    manifest = snapshots.upload(taken)
    restored = snapshots.restore_latest(5, scratch / "elsewhere" / "p5")
    assert restored.manifest == snapshots.latest(5) == snapshots.manifest(5, manifest.name)
    assert restored.manifest is not None
    assert restored.manifest.offsets == {"entries": 12, "steps": 7}
    assert restored.manifest.watermark_ms == 1_700_000_000_000
    assert content(scratch / "elsewhere" / "p5", memory) == expected
    assert [entry.name for entry in scratch.iterdir() if entry.name.startswith("p5.")] == []


def test_the_store_is_written_while_a_snapshot_is_uploaded(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """An upload on another thread holds up no write, and takes in none."""
    expected = fill(store, 1)
    started, go_on = threading.Event(), threading.Event()

    def wait(call: str, name: str) -> None:
        if call == "put_file":
            started.set()
            assert go_on.wait(30)

    objects.before = wait
    taken = snapshots.take(store, {"entries": 1}, 1)
    upload = threading.Thread(target=snapshots.upload, args=(taken,))
    upload.start()
    assert started.wait(30)
    for round_number in range(2, 30):
        fill(store, round_number)
    assert snapshots.latest(5) is None
    go_on.set()
    upload.join(30)
    assert snapshots.restore_latest(5, scratch / "restored").manifest is not None
    assert content(scratch / "restored", memory) == expected


def test_a_second_snapshot_uploads_only_what_is_new(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store
) -> None:
    """Tables that an earlier snapshot has are neither read nor uploaded again."""
    fill(store, 1)
    first = snapshots.manifest(5, make(snapshots, store))
    fill(store, 2)
    objects.calls.clear()
    second = snapshots.manifest(5, make(snapshots, store))
    tables = [
        {file.sha256 for file in manifest.files if file.name.endswith(".sst")} for manifest in (first, second)
    ]
    assert tables[0] < tables[1]
    uploaded = {name.rpartition("/")[2] for call, name in objects.calls if call == "put_file"}
    assert uploaded.isdisjoint(tables[0])
    assert uploaded >= tables[1] - tables[0]


def test_pruning_keeps_the_latest_and_the_files_they_share(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """Of five snapshots the latest two stay and can be restored, and no file stays that none needs."""
    contents = {}
    for round_number in range(5):
        expected = fill(store, round_number)
        contents[make(snapshots, store, round_number)] = expected
        snapshots.prune(5)
    assert snapshots.names(5) == sorted(contents, reverse=True)[:2]
    assert snapshots.prune(5) == 0
    for name in snapshots.names(5):
        snapshots.restore(snapshots.manifest(5, name), scratch / name)
        assert content(scratch / name, memory) == contents[name]
    needed = {file.sha256 for name in snapshots.names(5) for file in snapshots.manifest(5, name).files}
    assert {name.rpartition("/")[2] for name in objects.of_kind("files")} == needed


def test_a_file_outlives_its_last_snapshot_by_one_pruning(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store
) -> None:
    """An upload that found a file in place can count on it until it is published."""
    for round_number in range(3):
        fill(store, round_number)
        make(snapshots, store)
    before = objects.of_kind("files")
    assert snapshots.prune(5) == 1
    assert objects.of_kind("files") == before
    assert snapshots.prune(5) == 0
    assert len(objects.of_kind("files")) < len(before)


def test_a_file_that_another_pruned_meanwhile_is_uploaded_again(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """A snapshot is whole when its upload returns, even if a former owner deletes files of it on the way."""
    expected = fill(store, 1)
    make(snapshots, store)

    def delete_all(call: str, name: str) -> None:
        if call == "put" and "/snapshots/" in name:
            for file in objects.of_kind("files"):
                del objects.objects[file]

    objects.before = delete_all
    name = make(snapshots, store)
    snapshots.restore(snapshots.manifest(5, name), scratch / "restored")
    assert content(scratch / "restored", memory) == expected


def test_an_upload_that_breaks_off_anywhere_is_never_found_in_part(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path
) -> None:
    """However many calls succeed before the storage fails, what can be found can be restored."""
    fill(store, 1)
    latest = make(snapshots, store)
    calls, failures = len(objects.calls), 0
    for count in range(calls):
        fill(store, 2 + count)
        taken = snapshots.take(store, {}, 0)
        objects.fail_from(count)
        allowed = {latest, taken.manifest.name}
        try:
            snapshots.upload(taken)
            allowed.discard(latest)
        except SnapshotError as error:
            failures += error.problem is SnapshotProblem.STORAGE and "Check its address" in str(error)
        objects.before = lambda call, name: None
        assert not taken.directory.exists()
        manifest = snapshots.latest(5)
        assert manifest is not None
        assert manifest.name in allowed
        latest = manifest.name
        restored = snapshots.restore_latest(5, scratch / f"restored-{count}")
        assert restored.manifest is not None
        assert restored.manifest.name in allowed | {latest}
        assert restored.refused == ()
    assert failures > 5


def test_storage_that_fails_for_a_while_is_tried_again(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store
) -> None:
    """A call that fails twice and then succeeds fails nothing."""
    fill(store, 1)
    taken = snapshots.take(store, {}, 0)
    objects.fail_from(1, times=2)
    assert snapshots.upload(taken).name in snapshots.names(5)


def test_storage_that_fails_is_not_taken_for_an_absence_of_snapshots(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path
) -> None:
    """A worker that cannot reach its snapshots must not fold everything again instead."""
    fill(store, 1)
    make(snapshots, store)
    objects.fail_from(0)
    with pytest.raises(SnapshotError) as caught:
        snapshots.restore_latest(5, scratch / "restored")
    assert caught.value.problem is SnapshotProblem.STORAGE
    assert not (scratch / "restored").exists()


def test_without_snapshots_nothing_is_restored(snapshots: Snapshots, scratch: Path) -> None:
    """A partition without snapshots starts empty."""
    restored = snapshots.restore_latest(5, scratch / "restored")
    assert (restored.manifest, restored.refused, snapshots.latest(5)) == (None, (), None)
    assert not (scratch / "restored").exists()
    with pytest.raises(SnapshotError, match="does not exist"):
        snapshots.manifest(5, "00000000000000-00000000")


def test_no_damage_to_any_object_is_restored_in_part(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path
) -> None:
    """Each object of a snapshot, deleted, cut or changed in one byte, makes it refused, leaving nothing."""
    fill(store, 1)
    name = make(snapshots, store)
    whole = dict(objects.objects)
    pointer = latest_object(5)
    spoiled = 0
    for victim, data in whole.items():
        middle = len(data) // 2
        damages = [
            data[:middle],
            data + b" ",
            *(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in {0, middle} if data),
        ]
        for damage in [None, *(damage for damage in damages if damage != data)]:
            objects.objects = {key: value for key, value in whole.items() if key != victim}
            if damage is not None:
                objects.objects[victim] = damage
            if victim == pointer:
                assert snapshots.restore_latest(5, scratch / f"by-name-{spoiled}").manifest is not None
            elif damage is None or victim != manifest_object(5, name) or damage != data + b" ":
                restored = snapshots.restore_latest(5, scratch / "restored")
                assert restored.manifest is None, victim
                assert [error.problem for error in restored.refused] in ([SnapshotProblem.DAMAGED], []), (
                    victim
                )
                assert not any(entry.name.startswith("restored") for entry in scratch.iterdir())
            spoiled += 1
    assert spoiled > 30


def test_an_older_snapshot_serves_when_the_latest_is_damaged(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """The latest whole snapshot is restored, and what was wrong with the later one is told."""
    expected = fill(store, 1)
    first = make(snapshots, store)
    fill(store, 2)
    second = make(snapshots, store)
    objects.objects[manifest_object(5, second)] = b"{}"
    restored = snapshots.restore_latest(5, scratch / "restored")
    assert restored.manifest is not None
    assert restored.manifest.name == first
    assert [error.problem for error in restored.refused] == [SnapshotProblem.OTHER_FORMAT]
    assert second in str(restored.refused[0])
    assert content(scratch / "restored", memory) == expected


@pytest.mark.parametrize("field", ["snapshot_format_version", "store_format_version"])
def test_a_snapshot_of_another_format_is_refused(
    field: str, snapshots: Snapshots, objects: ObjectsInMemory, store: Store
) -> None:
    """A later program's snapshot is refused by its versions, before anything else of it is read."""
    fill(store, 1)
    name = make(snapshots, store)
    key = manifest_object(5, name)
    found = msgspec.json.decode(objects.objects[key])
    objects.objects[key] = msgspec.json.encode({**found, field: 99, "something_new": 1})
    with pytest.raises(SnapshotError, match="99") as caught:
        snapshots.manifest(5, name)
    assert caught.value.problem is SnapshotProblem.OTHER_FORMAT
    snapshots.prune(5)
    assert objects.of_kind("files"), "files that a later program needs must stay"


def test_a_snapshot_of_another_partition_is_refused(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store
) -> None:
    """Objects that were copied to another partition's place are not that partition's state."""
    fill(store, 1)
    name = make(snapshots, store)
    objects.objects |= {
        key.replace("partition-5", "partition-6"): data for key, data in objects.objects.items()
    }
    with pytest.raises(SnapshotError) as caught:
        snapshots.manifest(6, name)
    assert caught.value.problem is SnapshotProblem.OTHER_PARTITION


def test_a_store_that_is_there_is_never_overwritten(snapshots: Snapshots, store: Store) -> None:
    """Restoring to a directory that is not empty is refused and changes nothing."""
    expected = fill(store, 1)
    make(snapshots, store)
    with pytest.raises(SnapshotError, match="is not empty") as caught:
        snapshots.restore_latest(5, store.path)
    assert caught.value.problem is SnapshotProblem.OCCUPIED
    assert dict(store.scan(b"", b"\xff")) == expected


def test_what_killed_processes_left_is_cleared_away(
    snapshots: Snapshots, store: Store, scratch: Path
) -> None:
    """Directories of snapshots that were never uploaded, and of restores that never ended, go at the next."""
    fill(store, 1)
    (scratch / "p5.snapshot-old").mkdir()
    (scratch / "restored.restoring-old").mkdir()
    taken = snapshots.take(store, {}, 0)
    snapshots.discard(snapshots.take(store, {}, 0))
    assert taken.directory.exists()
    snapshots.upload(taken)
    snapshots.restore_latest(5, scratch / "restored")
    assert sorted(entry.name for entry in scratch.iterdir()) == ["p5", "restored"]


def test_stopping_ends_an_upload_and_a_restore(
    snapshots: Snapshots, objects: ObjectsInMemory, store: Store, scratch: Path
) -> None:
    """A program that stops waits for at most one more file."""
    fill(store, 1)
    make(snapshots, store)
    taken = snapshots.take(store, {}, 0)
    objects.before = lambda call, name: snapshots.stop()
    for action in (
        lambda: snapshots.upload(taken),
        lambda: snapshots.restore_latest(5, scratch / "restored"),
    ):
        with pytest.raises(SnapshotError) as caught:
            action()
        assert caught.value.problem is SnapshotProblem.STOPPED
    assert not taken.directory.exists()
    assert not (scratch / "restored").exists()
