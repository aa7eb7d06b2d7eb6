"""Every place that snapshots can lie in keeps the same promises."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore

from tests.agents.small_s3 import small_s3
from tests.state.snapshots.logs import LOG
from tests.state.snapshots.places import ObjectsInMemory
from wayfold.agents.states.snapshot_storage import CloudObjects, SnapshotUrlError, open_snapshot_objects
from wayfold.state.snapshots.objects import (
    DirectoryObjects,
    ObjectMissingError,
    ObjectStorageError,
    SnapshotObjects,
    logs_at,
)
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory


@pytest.fixture
def s3_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve a small S3 and name it in the environment, as a store of one's own is named."""
    with small_s3() as address:
        for name, value in (
            ("AWS_ENDPOINT_URL", address),
            ("AWS_ACCESS_KEY_ID", "somebody"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
        ):
            monkeypatch.setenv(name, value)
        yield address


@pytest.fixture(params=["path", "file", "s3", "cloud in memory", "cloud on disk", "test kit"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, s3_address: str) -> SnapshotObjects:
    places: dict[str, Callable[[], SnapshotObjects]] = {
        "path": lambda: open_snapshot_objects(str(tmp_path / "place")),
        "file": lambda: open_snapshot_objects(f"file://{tmp_path}/a%20place"),
        "s3": lambda: open_snapshot_objects("s3://bucket/some/place"),
        "cloud in memory": lambda: CloudObjects(MemoryStore(), "memory"),
        "cloud on disk": lambda: CloudObjects(LocalStore(tmp_path / "cloud", mkdir=True), "disk"),
        "test kit": ObjectsInMemory,
    }
    return places[request.param]()


def test_objects_are_kept_by_name(objects: SnapshotObjects, tmp_path: Path) -> None:
    """What was put can be got, replaced, listed and deleted, by bytes and by files."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"large " * 1_000_000)
    objects.put("a/one", b"1")
    objects.put("a/one", b"22")
    objects.put("a/empty", b"")
    objects.put_file("a/b/two", source)
    objects.put("ab/three", b"3")
    assert objects.get("a/one") == b"22"
    objects.get_file("a/b/two", target)
    assert target.read_bytes() == source.read_bytes()
    assert sorted(objects.sizes("a/")) == [("a/b/two", 6_000_000), ("a/empty", 0), ("a/one", 2)]
    objects.delete("a/one")
    objects.delete("a/one")
    with pytest.raises(ObjectMissingError):
        objects.get("a/one")
    with pytest.raises(ObjectMissingError):
        objects.get_file("a/one", target)
    assert list(objects.sizes("nothing/")) == []


def test_a_snapshot_comes_back_from_every_place(objects: SnapshotObjects, tmp_path: Path) -> None:
    """The whole way, from a store to another directory, works over each place."""
    memory, snapshots = StoreMemory(16 * 1024 * 1024), Snapshots(objects, LOG)
    with Store.open(tmp_path / "p0", memory, partition=0) as store:
        store.write([(b"a", b"1")])
        snapshots.upload(snapshots.take(store, {"entries": 1}, 0))
        snapshots.prune(0)
    assert logs_at(objects) == {LOG.name: [0]}
    restored = snapshots.restore_latest(0, tmp_path / "restored")
    assert restored.manifest == snapshots.latest(0) is not None
    with Store.open(tmp_path / "restored", memory, partition=0) as store:
        assert store.get(b"a") == b"1"


def test_a_directory_shows_no_unfinished_objects(tmp_path: Path) -> None:
    """What a killed upload left behind is not listed, and goes with the next upload of that object."""
    objects = DirectoryObjects(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.0123.unfinished").write_bytes(b"half")
    assert list(objects.sizes("files/")) == []
    objects.put("files/one", b"whole")
    assert [file.name for file in (tmp_path / "files").iterdir()] == ["one"]


def test_trouble_with_a_directory_is_trouble_of_the_storage(tmp_path: Path) -> None:
    """A directory that cannot be written or read fails as storage does, and not as something missing."""
    (tmp_path / "file").write_text("")
    objects = DirectoryObjects(tmp_path / "file")
    with pytest.raises(ObjectStorageError):
        objects.put("files/one", b"1")
    with pytest.raises(ObjectStorageError):
        objects.put_file("files/one", tmp_path / "file")
    (tmp_path / "files" / "one").mkdir(parents=True)
    with pytest.raises(ObjectStorageError):
        DirectoryObjects(tmp_path).get("files/one")


def test_trouble_with_a_cloud_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of an object store keep what it said and leave out what obstore prints of its own state."""

    def fail(*_: object) -> None:
        raise BaseError("the bucket is gone\n\nDebug source:\nsecret")

    monkeypatch.setattr("obstore.get", fail)
    with pytest.raises(ObjectStorageError, match=r"^the bucket is gone$"):
        CloudObjects(MemoryStore(), "memory").get("one")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/path", "s3://bucket/path"),
        ("gs://bucket/path", "gs://bucket/path"),
        ("az://container/path", "az://container/path"),
        ("/var/snapshots", "/var/snapshots"),
        ("snapshots", "snapshots"),
        ("file:///var/snapshots", "/var/snapshots"),
    ],
)
def test_urls_name_places(url: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of URL opens without touching the place."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_snapshot_objects(url).url == shown


@pytest.mark.parametrize(
    "url", ["ftp://user:secret@host/x", "file://host/x", "s3://user:secret@", "redis://x"]
)
def test_urls_that_name_no_place_are_refused(url: str) -> None:
    """A wrong URL is an error that says so and does not repeat a login."""
    with pytest.raises(SnapshotUrlError) as caught:
        open_snapshot_objects(url)
    assert "secret" not in str(caught.value)
