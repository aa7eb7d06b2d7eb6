"""What every store promises: the one on disk and the one in memory pass the same tests."""

import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wayfold.state.store.errors import StoreError, StoreFailedError, StoreProblem, StoreRefusedError
from wayfold.state.store.memory_store import MemoryStore
from wayfold.state.store.store import RESERVED, Store, StoreMemory

KINDS: dict[str, type[Store]] = {"disk": Store, "memory": MemoryStore}

Opener = Callable[[str], Store]


@pytest.fixture(scope="module")
def memory() -> StoreMemory:
    return StoreMemory(32 * 1024 * 1024)


@pytest.fixture(params=KINDS)
def opener(request: pytest.FixtureRequest, scratch: Path, memory: StoreMemory) -> Iterator[Opener]:
    opened: list[Store] = []

    def open_store(name: str) -> Store:
        opened.append(KINDS[request.param].open(scratch / name, memory, partition=3))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Opener) -> Store:
    return opener("p3")


def test_the_memory_store_has_every_call_of_the_store() -> None:
    """Nothing of the store on disk is inherited by the one in memory by mistake."""
    calls = {name for name, value in vars(Store).items() if callable(value) and not name.startswith("_")}
    for name in calls | {"open"}:
        assert name in vars(MemoryStore), name
        expected = inspect.signature(getattr(Store, name)).parameters.keys()
        assert inspect.signature(getattr(MemoryStore, name)).parameters.keys() == expected


def test_a_key_that_was_never_written_has_no_value(store: Store) -> None:
    """Absence is None, for one key and for many."""
    assert store.get(b"a") is None
    assert store.get_many([b"a", b"b"]) == [None, None]
    assert store.get_many(()) == []


def test_an_empty_value_is_a_value(store: Store) -> None:
    """Empty values and the empty key are kept as they are."""
    store.write([(b"a", b""), (b"", b"empty")])
    assert store.get_many([b"a", b"", b"b"]) == [b"", b"empty", None]


def test_values_come_in_the_order_of_the_keys_asked_for(store: Store) -> None:
    """A read of many keys may ask in any order, and for one key twice."""
    store.write([(b"a", b"1"), (b"b", b"2")])
    assert store.get_many([b"b", b"a", b"x", b"b"]) == [b"2", b"1", None, b"2"]


def test_a_moment_is_read_as_it_was(store: Store) -> None:
    """Rows are scanned, and the last of a range found, as they were, whatever was written since."""
    store.write([(b"a", b"1"), (b"b", b"2"), (b"d", b"4")])
    moment = store.moment()
    store.write([(b"a", b"x"), (b"c", b"x")], deletes=[b"b"], ranges=[(b"d", b"e")])
    assert moment.scan(b"a", b"d") == [(b"a", b"1"), (b"b", b"2")]
    assert moment.scan(b"b", RESERVED + b"z") == [(b"b", b"2"), (b"d", b"4")]
    assert moment.scan(b"x", b"z") == moment.scan(b"d", b"a") == []
    assert moment.last(b"a", b"d") == (b"b", b"2")
    assert moment.last(b"c", b"d") is None
    assert moment.last(b"a", RESERVED + b"z") == (b"d", b"4")
    assert store.moment().scan(b"a", b"e") == [(b"a", b"x"), (b"c", b"x")]
    store.close()
    for read in (moment.scan, moment.last):
        with pytest.raises(StoreFailedError) as caught:
            read(b"a", b"b")
        assert caught.value.problem is StoreProblem.CLOSED


def test_what_finds_rows_sees_one_moment(store: Store) -> None:
    """Rows are found as they were, in order or not, whatever was written since; not in a closed store."""
    store.write([(b"a", b"1"), (b"b", b""), (b"d", b"1")])
    find = store.finder()
    store.write([(b"a", b"2"), (b"c", b"2")], deletes=[b"b"], ranges=[(b"d", b"e")])
    assert [find(key) for key in (b"a", b"b", b"c", b"d", b"x", b"b", b"a")] == [
        *(b"1", b"", None, b"1", None),
        *(b"", b"1"),
    ]
    assert [store.finder()(key) for key in (b"a", b"b", b"d")] == [b"2", None, None]
    store.close()
    with pytest.raises(StoreFailedError) as caught:
        find(b"a")
    assert caught.value.problem is StoreProblem.CLOSED


def test_a_batch_deletes_ranges_then_keys_then_puts(store: Store) -> None:
    """What a batch puts is there afterwards, whatever it deletes."""
    store.write([(b"a", b"1"), (b"b", b"1"), (b"c", b"1"), (b"d", b"1")])
    store.write([(b"b", b"2"), (b"d", b"2")], deletes=[b"d", b"x"], ranges=[(b"a", b"c"), (b"y", b"x")])
    assert list(store.scan(b"", b"z")) == [(b"b", b"2"), (b"c", b"1"), (b"d", b"2")]


def test_the_later_of_two_puts_of_a_key_counts(store: Store) -> None:
    """Order within a batch is kept for equal keys."""
    store.write([(b"b", b"9"), (b"a", b"1"), (b"b", b"2")])
    assert store.get(b"b") == b"2"


def test_a_scan_is_half_open_and_sorted(store: Store) -> None:
    """A scan takes its start and leaves its end, in the order of bytes."""
    store.write([(bytes([n]), b"") for n in range(255, -1, -1)])
    assert [key for key, _ in store.scan(b"\x10", b"\x13")] == [b"\x10", b"\x11", b"\x12"]
    assert list(store.scan(b"b", b"a")) == list(store.scan(b"a", b"a")) == []


def test_a_scan_sees_the_store_as_it_was(store: Store) -> None:
    """Writes that come after a scan began do not show in it, however long it is."""
    pairs = [(b"%05d" % n, b"old") for n in range(1000)]
    store.write(pairs)
    scan = store.scan(b"", b"z")
    first = next(scan)
    store.write([(key, b"new") for key, _ in pairs], ranges=[(b"00500", b"00900")])
    store.write([(b"00000a", b"new")])
    assert [first, *scan] == pairs
    assert store.get(b"00999") == b"new"


def test_no_scan_and_no_deletion_reaches_the_store_s_own_keys(store: Store, opener: Opener) -> None:
    """The keys that the store keeps for itself stay out of sight and out of reach."""
    store.write([(b"a", b"1")])
    store.write([], ranges=[(b"", RESERVED + b"\xff")])
    assert list(store.scan(b"", RESERVED + b"\xff")) == []
    if not isinstance(store, MemoryStore):
        store.close()
        opener("p3")


def test_an_empty_batch_is_no_write(store: Store) -> None:
    """A commit without changes is allowed."""
    store.write([])
    store.write({}.items(), [], [])
    assert list(store.scan(b"", b"z")) == []


def test_only_bytes_are_taken(store: Store) -> None:
    """A value of another type is an error of the caller, and nothing of its batch is written."""
    with pytest.raises(ValueError, match="bytes"):
        store.write([(b"a", b"1"), (b"b", "2")])  # type: ignore[list-item]
    assert store.get(b"a") is None


def test_size_grows_with_what_is_stored(store: Store) -> None:
    """The size counts what is in memory and what is on disk."""
    before = store.size_bytes()
    store.write([(b"%d" % n, bytes(1000)) for n in range(1000)])
    assert store.size_bytes() - before > 500_000


def test_a_closed_store_says_so(store: Store) -> None:
    """Every call of a closed store fails as closed; closing again does nothing."""
    store.write([(b"%d" % n, b"") for n in range(1000)])
    scan = store.scan(b"", b"z")
    next(scan)
    store.close()
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.get(b"a"),
        lambda: store.get_many([b"a"]),
        lambda: list(store.scan(b"a", b"b")),
        lambda: list(scan),
        lambda: store.write([(b"a", b"")]),
        lambda: store.checkpoint(Path("never")),
        store.size_bytes,
    ]
    for call in calls:
        with pytest.raises(StoreFailedError, match="used after it was closed") as caught:
            call()
        assert caught.value.problem is StoreProblem.CLOSED


def test_a_checkpoint_is_a_store_as_it_was_then(store: Store, opener: Opener, scratch: Path) -> None:
    """A checkpoint opens as a store of the same partition, without what was written after it."""
    store.write([(b"a", b"1")])
    store.checkpoint(scratch / "copy")
    store.write([(b"a", b"2"), (b"b", b"2")])
    copy = opener("copy")
    assert list(copy.scan(b"", b"z")) == [(b"a", b"1")]
    assert copy.identity == store.identity
    copy.write([(b"a", b"3")])
    assert list(store.scan(b"", b"z")) == [(b"a", b"2"), (b"b", b"2")]


def test_a_checkpoint_into_a_directory_that_exists_fails(store: Store, scratch: Path) -> None:
    """What is in the way of a checkpoint is named, and the store goes on."""
    (scratch / "copy").mkdir()
    with pytest.raises(StoreFailedError, match="exists") as caught:
        store.checkpoint(scratch / "copy")
    assert caught.value.problem is StoreProblem.DISK
    store.write([(b"a", b"1")])


def test_a_checkpoint_of_another_partition_is_refused(
    store: Store, scratch: Path, memory: StoreMemory
) -> None:
    """A copy keeps its partition."""
    store.checkpoint(scratch / "copy")
    with pytest.raises(StoreRefusedError) as caught:
        type(store).open(scratch / "copy", memory, partition=4)
    assert caught.value.problem is StoreProblem.OTHER_PARTITION


KEYS = st.binary(max_size=2).filter(lambda key: key < RESERVED)
STEPS = st.lists(
    st.tuples(
        st.lists(st.tuples(KEYS, st.binary(max_size=3)), max_size=6),
        st.lists(KEYS, max_size=3),
        st.lists(st.tuples(KEYS, KEYS), max_size=2),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, start=KEYS, end=KEYS)
def test_both_stores_agree_after_any_batches(
    memory: StoreMemory,
    scratch_root: Path,
    steps: list[tuple[list[tuple[bytes, bytes]], list[bytes], list[tuple[bytes, bytes]]]],
    start: bytes,
    end: bytes,
) -> None:
    """After any batches, and after reopening, the store on disk holds what the one in memory holds."""
    path = Path(tempfile.mkdtemp(dir=scratch_root)) / "p0"
    expected = MemoryStore()
    disk = Store.open(path, memory, partition=0)
    for puts, deletes, ranges in steps:
        for store in (expected, disk):
            store.write(puts, deletes, ranges)
    assert list(disk.scan(b"", RESERVED)) == list(expected.scan(b"", RESERVED))
    assert list(disk.scan(start, end)) == list(expected.scan(start, end))
    disk.close()
    with Store.open(path, memory, partition=0) as again:
        assert list(again.scan(b"", RESERVED)) == list(expected.scan(b"", RESERVED))


def test_a_failing_write_of_the_test_kit_changes_nothing() -> None:
    """The memory store can fail a write on demand, and starts again with all that was written."""
    store = MemoryStore()
    store.write([(b"a", b"1")])
    store.fail_next_write(OSError("no space left"))
    with pytest.raises(OSError, match="no space left"):
        store.write([(b"a", b"2")])
    again = store.restarted()
    assert again.get(b"a") == b"1"
    with pytest.raises(StoreError):
        store.get(b"a")
