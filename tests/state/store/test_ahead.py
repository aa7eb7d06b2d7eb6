"""Rows that are read ahead are those that are there, and few are held at a time."""

import random
from collections.abc import Sequence
from itertools import chain

import pytest

from wayfold.state.store.ahead import ReadAhead
from wayfold.state.store.errors import StoreFailedError
from wayfold.state.store.memory_store import MemoryStore


class WatchedStore(MemoryStore):
    """Notes which keys were read, together and one by one."""

    def __init__(self, count: int) -> None:
        super().__init__(0, {key_of(number): b"%d" % number for number in range(0, count, 2)})
        self.together: list[list[bytes]] = []
        self.single: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        self.single.append(key)
        return super().get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self.together.append(list(keys))
        return super().get_many(keys)


def key_of(number: int) -> bytes:
    return b"%04d" % number


@pytest.mark.parametrize("chunk_rows", [1, 3, 64, 1_024])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_asked_for_is_what_the_store_holds(chunk_rows: int, seed: int) -> None:
    """Expected or not, in order or not, asked twice or never: a key gives the store's row, or None."""
    chance = random.Random(seed)
    store = WatchedStore(500)
    ahead = ReadAhead(store, chunk_rows)
    expected = [key_of(chance.randrange(600)) for _ in range(300)]
    asked = [key for key in expected if chance.random() < 0.9]
    asked += [key_of(chance.randrange(600)) for _ in range(100)]
    if seed % 2:
        chance.shuffle(asked)
    ahead.expect(expected)
    assert [ahead.get(key) for key in asked] == [store.pairs.get(key) for key in asked]


def test_rows_that_are_asked_for_in_order_are_read_together_and_not_all_at_once() -> None:
    """Chunks double up to the largest, no row is read alone, and only a few chunks are under way."""
    store = WatchedStore(1_000)
    ahead = ReadAhead(store, 128)
    keys = [key_of(number) for number in range(1_000)]
    ahead.expect(keys)
    for number, key in enumerate(keys):
        ahead.get(key)
        assert sum(map(len, store.together)) <= number + 1 + 3 * 128
    assert [len(chunk) for chunk in store.together][:6] == [8, 16, 32, 64, 128, 128]
    assert list(chain.from_iterable(store.together)) == keys
    assert store.single == []


def test_a_few_rows_are_read_when_they_are_asked_for() -> None:
    """For rows that do not fill two chunks no thread is woken, for those that do it is."""
    store = WatchedStore(100)
    ahead = ReadAhead(store, 128)
    for count in (1, 8, 23):
        ahead.expect(key_of(number) for number in range(count))
        assert [ahead.get(key_of(number)) for number in range(count)][:3] == [b"0", None, b"2"][:count]
    assert store.together == []
    ahead.expect(key_of(number) for number in range(24))
    assert ahead.get(key_of(23)) is None
    assert [len(chunk) for chunk in store.together] == [8, 16]


def test_few_rows_are_not_worth_a_look() -> None:
    """With the usual chunks a batch of some hundred histories is merged without asking which are missing."""
    ahead = ReadAhead(WatchedStore(0))
    assert not ahead.pays_for(511)
    assert ahead.pays_for(512)


def test_what_is_forgotten_is_read_anew() -> None:
    """After `forget` a row that was written meanwhile is seen."""
    store = WatchedStore(100)
    ahead = ReadAhead(store, 1)
    ahead.expect([key_of(0), key_of(1)])
    assert ahead.get(key_of(0)) == b"0"
    ahead.forget()
    store.write([(key_of(1), b"new")])
    assert ahead.get(key_of(1)) == b"new"


def test_a_store_that_fails_fails_whoever_asks() -> None:
    """What reading ahead raised comes out where the row is asked for."""
    store = WatchedStore(100)
    ahead = ReadAhead(store, 1)
    store.close()
    ahead.expect([key_of(0), key_of(1)])
    with pytest.raises(StoreFailedError):
        ahead.get(key_of(0))
