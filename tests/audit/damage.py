"""Rows changed in the stores of a host or worker that does not run."""

from collections.abc import Callable
from pathlib import Path

from tests.state.settling import settle
from wayfold.state.cells.values import pack, unpack
from wayfold.state.store import keys
from wayfold.state.store.store import Store, StoreMemory

PARTITIONS = 4


def raise_count(value: bytes) -> bytes:
    """Count one more in a row of two counts."""
    first, second = unpack(value)
    return pack(first + 1, second) + value[len(pack(0, 0)) :]


def change_rows(state: Path, prefix: bytes, change: Callable[[bytes], bytes | None], count: int = 1) -> None:
    """Change the first rows below a prefix in the first partition that has any; None takes them away.

    `state` is the directory of the stores.
    """
    memory = StoreMemory(32 * 1024 * 1024)
    for number in range(PARTITIONS):
        store = Store.open(state / f"partition-{number}", memory, partition=number)
        settle(store, number)
        rows = list(store.scan(prefix, keys.after(prefix)))[:count]
        changed = [(key, change(value)) for key, value in rows]
        puts = [(key, value) for key, value in changed if value is not None]
        store.write(puts, [key for key, value in changed if value is None])
        store.close()
        if rows:
            return
    raise AssertionError("no such row")
