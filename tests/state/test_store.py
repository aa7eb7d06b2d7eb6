"""The store of a partition keeps what is written, whole, under its own identity."""

from pathlib import Path

import pytest

from wayfold.state.store import Store, StoreMemory
from wayfold.state.store_errors import StoreRefusedError


@pytest.fixture(scope="module")
def memory() -> StoreMemory:
    return StoreMemory(64 * 1024 * 1024)


def test_a_batch_is_there_after_reopening(tmp_path: Path, memory: StoreMemory) -> None:
    """Puts, deletions and range deletions of a batch are found again by another opening."""
    store = Store.open(tmp_path / "p0", memory, partition=0)
    store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"4")])
    store.write([(b"e", b"5")], deletes=[b"a"], ranges=[(b"b", b"d")])
    store.close()
    store = Store.open(tmp_path / "p0", memory, partition=0)
    assert store.get_many([b"a", b"b", b"c", b"d", b"e"]) == [None, None, None, b"4", b"5"]
    assert list(store.scan(b"", b"\xff")) == [(b"d", b"4"), (b"e", b"5")]
    store.close()


def test_another_partition_is_refused(tmp_path: Path, memory: StoreMemory) -> None:
    """A store is never opened as another partition's."""
    Store.open(tmp_path / "p0", memory, partition=0).close()
    with pytest.raises(StoreRefusedError, match="belongs to partition 0"):
        Store.open(tmp_path / "p0", memory, partition=1)
