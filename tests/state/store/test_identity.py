"""A store is opened as what it is, by one opener at a time, or refused with what to do."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from wayfold.state.store.errors import StoreFailedError, StoreProblem, StoreRefusedError
from wayfold.state.store.identity import FORMAT_VERSION, IDENTITY_FILE
from wayfold.state.store.store import Store, StoreMemory


@pytest.fixture(scope="module")
def memory() -> StoreMemory:
    return StoreMemory(16 * 1024 * 1024)


def refusal(path: Path, memory: StoreMemory, partition: int = 0) -> StoreRefusedError:
    """Open what must be refused."""
    with pytest.raises(StoreRefusedError) as caught:
        Store.open(path, memory, partition=partition)
    assert str(path) in str(caught.value)
    assert caught.value.remedy in str(caught.value)
    return caught.value


def files(path: Path) -> dict[str, bytes]:
    """Read every file of a directory."""
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_another_partition_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """A store is never opened as another partition's, and is not touched."""
    Store.open(scratch / "p0", memory, partition=0).close()
    before = files(scratch / "p0")
    error = refusal(scratch / "p0", memory, partition=1)
    assert error.problem is StoreProblem.OTHER_PARTITION
    assert "belongs to partition 0, not to partition 1" in str(error)
    assert files(scratch / "p0") == before


def test_another_format_version_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """A store of a later program is not read by an earlier one, whatever else its identity says."""
    Store.open(scratch / "p0", memory, partition=0).close()
    identity = msgspec.json.decode((scratch / "p0" / IDENTITY_FILE).read_bytes())
    other = {**identity, "format_version": FORMAT_VERSION + 1, "something_new": True}
    (scratch / "p0" / IDENTITY_FILE).write_bytes(msgspec.json.encode(other))
    before = files(scratch / "p0")
    error = refusal(scratch / "p0", memory)
    assert error.problem is StoreProblem.OTHER_FORMAT
    assert f"has format version {FORMAT_VERSION + 1}" in str(error)
    assert files(scratch / "p0") == before


def test_the_identity_of_another_store_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """Files of two stores of one partition cannot be mixed."""
    for name in ("a", "b"):
        Store.open(scratch / name, memory, partition=0).close()
    (scratch / "a" / IDENTITY_FILE).write_bytes((scratch / "b" / IDENTITY_FILE).read_bytes())
    assert refusal(scratch / "a", memory).problem is StoreProblem.DAMAGED


def test_a_directory_with_other_things_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """A directory that holds something else is left alone."""
    (scratch / "notes").mkdir()
    (scratch / "notes" / "todo.txt").write_text("milk")
    assert refusal(scratch / "notes", memory).problem is StoreProblem.NOT_A_STORE
    assert files(scratch / "notes") == {"todo.txt": b"milk"}


def test_a_file_in_the_place_of_a_store_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """A path that is no directory is refused as any other thing that is not a store."""
    (scratch / "p0").write_text("milk")
    assert refusal(scratch / "p0", memory).problem is StoreProblem.NOT_A_STORE


def test_an_empty_directory_becomes_a_store(scratch: Path, memory: StoreMemory) -> None:
    """A prepared directory is used, and what an interrupted creation left is cleared away."""
    (scratch / "p0").mkdir()
    (scratch / "p0.creating-0123").mkdir()
    Store.open(scratch / "p0", memory, partition=0).close()
    assert [entry.name for entry in scratch.iterdir()] == ["p0"]


def test_a_store_that_cannot_be_created_says_why(scratch: Path, memory: StoreMemory) -> None:
    """Creation below something that is no directory is refused as trouble with the disk."""
    (scratch / "file").write_text("")
    assert refusal(scratch / "file" / "p0", memory).problem is StoreProblem.DISK


def test_a_store_opens_once_at_a_time(scratch: Path, memory: StoreMemory) -> None:
    """A second opening in the same process is refused until the first is closed, scans under way or not."""
    store = Store.open(scratch / "p0", memory, partition=0)
    store.write([(b"%d" % number, b"") for number in range(1000)])
    scan = store.scan(b"", b"z")
    next(scan)
    assert refusal(scratch / "p0", memory).problem is StoreProblem.LOCKED
    store.close()
    with Store.open(scratch / "p0", memory, partition=0) as again:
        assert again.get(b"7") == b""
    with pytest.raises(StoreFailedError):
        list(scan)


def test_a_store_of_another_process_is_refused(scratch: Path, memory: StoreMemory) -> None:
    """Another process that has the store open is named as the reason; when it is gone the store opens."""
    program = (
        "import sys; from pathlib import Path; from wayfold.state.store.store import Store, StoreMemory\n"
        "store = Store.open(Path(sys.argv[1]), StoreMemory(), partition=0)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(scratch / "p0")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        error = refusal(scratch / "p0", memory)
        assert error.problem is StoreProblem.LOCKED
        assert "Stop the other process" in str(error)
        process.kill()
    Store.open(scratch / "p0", memory, partition=0).close()


def test_memory_too_small_to_work_with_is_refused() -> None:
    """A limit that no store could live with is an error at once."""
    with pytest.raises(ValueError, match="at least"):
        StoreMemory(1024)
