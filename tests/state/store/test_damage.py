"""A damaged store is refused or, where the damage hits nothing that counts, read whole; never in part."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rocksdict import Options

from local_services import wait_until
from wayfold.state.store import store as store_module
from wayfold.state.store.errors import StoreError, StoreProblem, StoreRefusedError
from wayfold.state.store.identity import IDENTITY_FILE
from wayfold.state.store.mark import MARK_FILE
from wayfold.state.store.options import store_options
from wayfold.state.store.store import Store, StoreMemory

EXPECTED_PROBLEMS = {StoreProblem.DAMAGED, StoreProblem.OTHER_FORMAT, StoreProblem.NOT_A_STORE}
Content = dict[bytes, bytes]


@pytest.fixture(scope="module")
def memory() -> StoreMemory:
    return StoreMemory(16 * 1024 * 1024)


def write_batches(store: Store, first: int, last: int, value_bytes: int = 100) -> None:
    """Write batches that each name themselves in every pair and in a counter."""
    for number in range(first, last):
        pairs = [(b"%05d-%02d" % (number, pair), b"%d " % number * (value_bytes // 5)) for pair in range(20)]
        store.write([*pairs, (b"latest", b"%d" % number)])


def copy_of_files(alive: Path, copy: Path) -> Path:
    """Copy the files of an open store, as a kill would leave them; RocksDB may just be deleting old ones."""
    for _ in range(100):
        try:
            shutil.copytree(alive, copy)
        except (shutil.Error, FileNotFoundError):
            shutil.rmtree(copy, ignore_errors=True)
        else:
            return copy
    raise AssertionError("the files never stood still")


def content(path: Path, memory: StoreMemory) -> Content:
    """Read all of a store, by a scan and by single reads."""
    with Store.open(path, memory, partition=0) as store:
        pairs = dict(store.scan(b"", b"\xff"))
        assert store.get_many(list(pairs)) == list(pairs.values())
        return pairs


@pytest.fixture(scope="module")
def killed(scratch_root: Path, memory: StoreMemory) -> Path:
    """Leave the files of a store with tables, a log and no orderly end, as a kill leaves them."""
    directory = scratch_root / "for-killed"
    with Store.open(directory / "alive", memory, partition=0) as store:
        write_batches(store, 0, 60)
    with Store.open(directory / "alive", memory, partition=0) as store:
        write_batches(store, 60, 100)
        # RocksDB removes the log of the first opening when it finds the time.
        alive = directory / "alive"
        wait_until(lambda: len(list(alive.glob("*.log"))) == 1, seconds=30, what="the first log is gone")
        return copy_of_files(directory / "alive", directory / "killed")


@pytest.fixture(scope="module")
def closed(killed: Path, memory: StoreMemory, scratch_root: Path) -> Path:
    """Leave the files of a store that was closed in order."""
    path = scratch_root / "for-closed"
    shutil.copytree(killed, path)
    content(path, memory)
    return path


@pytest.fixture(scope="module")
def killed_with_two_logs(scratch_root: Path, memory: StoreMemory) -> Path:
    """Leave the files of a store that was killed while several write buffers waited to be written out."""

    def waiting_options(memory: StoreMemory) -> Options:
        options = store_options(memory)
        options.set_min_write_buffer_number_to_merge(8)
        options.set_max_write_buffer_number(16)
        return options

    directory = scratch_root / "for-logs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "store_options", waiting_options)
        with Store.open(directory / "alive", memory, partition=0) as store:
            write_batches(store, 0, 300, value_bytes=1000)
            copy_of_files(directory / "alive", directory / "killed")
    assert len(list((directory / "killed").glob("*.log"))) > 2
    return directory / "killed"


def flips(size: int, count: int = 14) -> Iterator[int]:
    """Spread positions over a file, its first and last bytes among them."""
    yield from sorted({0, 4, size // 2, size - 5, size - 1, *range(7, size, max(1, size // count))})


def damages(path: Path) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """List ways to spoil a file."""

    def flip(position: int, file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[position] ^= 0xA5
        file.write_bytes(data)

    def zero(position: int, file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[position : position + 600] = bytes(len(data[position : position + 600]))
        file.write_bytes(data)

    size = path.stat().st_size
    yield "deleted", Path.unlink
    for position in (size // 3, size - 1) if size > 3 else ():
        yield f"cut at {position}", lambda file, at=position: os.truncate(file, at)  # type: ignore[misc]
        yield f"zeros at {position}", lambda file, at=position: zero(at, file)  # type: ignore[misc]
    for position in flips(size) if size > 5 else ():
        yield f"flipped at {position}", lambda file, at=position: flip(at, file)  # type: ignore[misc]


def outcome(path: Path, memory: StoreMemory) -> tuple[StoreProblem | None, Content]:
    """Tell why a store was refused, or what is in it."""
    try:
        return None, content(path, memory)
    except StoreError as error:
        return error.problem if str(path) in str(error) else None, {}


def outcomes(source: Path, work: Path, memory: StoreMemory, expected: Content) -> dict[str, list[str]]:
    """Spoil each file in each way; tell by file what was refused, and fail on anything half read."""
    refused: dict[str, list[str]] = {}
    for name in sorted(file.name for file in source.iterdir()):
        kind = name if name == MARK_FILE else name.strip("0123456789.-") or name
        for damage, spoil in damages(source / name):
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(source, work)
            spoil(work / name)
            problem, found = outcome(work, memory)
            if problem is None:
                assert found == expected, f"{name} {damage}: half read"
            else:
                assert problem in EXPECTED_PROBLEMS, f"{name} {damage}: {problem}"
                refused.setdefault(kind, []).append(damage)
    return refused


@pytest.mark.parametrize("state", ["killed", "closed"])
def test_no_damage_to_any_file_is_half_read(
    state: str, request: pytest.FixtureRequest, scratch: Path, memory: StoreMemory
) -> None:
    """Every file, cut, deleted, zeroed or flipped at many places: the store is refused or entirely right."""
    source: Path = request.getfixturevalue(state)
    shutil.copytree(source, scratch / "whole")
    expected = content(scratch / "whole", memory)
    assert expected[b"latest"] == b"99"
    refused = outcomes(source, scratch / "spoiled", memory, expected)
    needed = {"CURRENT", "MANIFEST", "sst", IDENTITY_FILE.strip("-"), MARK_FILE}
    for kind in needed | ({"log"} if state == "killed" else set()):
        assert "deleted" in refused[kind], kind
    assert len(refused["sst"]) > 10


def test_a_log_that_lost_its_end_is_refused(killed: Path, scratch: Path, memory: StoreMemory) -> None:
    """Whole batches that were written and are gone are noticed, though what is left is in order."""
    [log] = killed.glob("*.log")
    for cut in range(0, log.stat().st_size, log.stat().st_size // 20):
        shutil.rmtree(scratch / "cut", ignore_errors=True)
        shutil.copytree(killed, scratch / "cut")
        os.truncate(scratch / "cut" / log.name, cut)
        before = {file.name: file.read_bytes() for file in (scratch / "cut").glob("*.*")}
        with pytest.raises(StoreRefusedError, match="has lost its latest writes"):
            Store.open(scratch / "cut", memory, partition=0)
        after = {file.name: file.read_bytes() for file in (scratch / "cut").glob("*.*")}
        assert {name for name in before if name.endswith((".log", ".sst"))} <= after.keys()
        assert all(after[name] == before[name] for name in before if name.endswith((".log", ".sst")))


def test_a_torn_last_batch_is_left_out(killed: Path, scratch: Path, memory: StoreMemory) -> None:
    """A batch that a kill cut short in the log was never answered for: the store opens without it."""
    shutil.copytree(killed, scratch / "torn")
    [log] = (scratch / "torn").glob("*.log")
    record = log.read_bytes()[:1000]
    with log.open("ab") as file:
        file.write(record)
    assert content(scratch / "torn", memory)[b"latest"] == b"99"


def test_after_a_crash_of_the_machine_the_latest_batches_may_be_gone(
    killed: Path, scratch: Path, memory: StoreMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that lost its end to another run of the machine gives whole batches up to some moment."""
    monkeypatch.setattr("wayfold.state.store.mark.boot_id", lambda: b"another".ljust(36))
    [log] = killed.glob("*.log")
    for cut in range(0, log.stat().st_size, log.stat().st_size // 9):
        shutil.rmtree(scratch / "cut", ignore_errors=True)
        shutil.copytree(killed, scratch / "cut")
        os.truncate(scratch / "cut" / log.name, cut)
        found = content(scratch / "cut", memory)
        latest = int(found.pop(b"latest"))
        assert 59 <= latest < 99
        batches = {key[:5]: list(group) for key, group in itertools.groupby(found, key=lambda key: key[:5])}
        assert list(batches) == [b"%05d" % number for number in range(latest + 1)]


@pytest.mark.parametrize("boot", ["same", "another"])
def test_a_gap_between_logs_is_refused(
    boot: str,
    killed_with_two_logs: Path,
    scratch: Path,
    memory: StoreMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Logs after a shortened or missing one would give later batches without earlier ones."""
    shutil.copytree(killed_with_two_logs, scratch / "whole")
    assert content(scratch / "whole", memory)[b"latest"] == b"299"
    if boot == "another":
        monkeypatch.setattr("wayfold.state.store.mark.boot_id", lambda: b"another".ljust(36))
    logs = sorted(log.name for log in killed_with_two_logs.glob("*.log"))
    for name, cut in itertools.product(logs[:-1], (0, None, 1 / 2)):
        shutil.rmtree(scratch / "cut", ignore_errors=True)
        shutil.copytree(killed_with_two_logs, scratch / "cut")
        file = scratch / "cut" / name
        if cut is None:
            file.unlink()
        else:
            os.truncate(file, int(file.stat().st_size * cut))
        with pytest.raises(StoreRefusedError, match=r"lacks the writes|has lost its log") as caught:
            Store.open(scratch / "cut", memory, partition=0)
        assert caught.value.problem is StoreProblem.DAMAGED
